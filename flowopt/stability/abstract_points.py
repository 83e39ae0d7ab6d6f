def search(statement, alive):
    return None
