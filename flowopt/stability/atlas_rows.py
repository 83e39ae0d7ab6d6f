def candidates(statement):
    return []
