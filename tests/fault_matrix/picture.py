def draw(m, s): return ""
