"""How this country writes numbers in each language, where Django follows another one."""
