def claims(result): return []
def numbers(result): return {}
def table(result): return []
