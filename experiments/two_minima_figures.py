def figures(result):
    return {}
