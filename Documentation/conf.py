# SPDX-License-Identifier: MIT
project = 'DeltaHop'
copyright = 'the DeltaHop authors'
extensions = []
exclude_patterns = []
html_theme = 'alabaster'
