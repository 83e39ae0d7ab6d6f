def homogeneous(flow, own, method, subject, lam, why):
    return why
