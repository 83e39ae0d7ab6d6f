r"""A paper whose numbers, tables and figures are build products of experiments.

``paper/contents.toml`` says which experiments the paper takes, with which configuration, figures
and tables. From their results come

``numbers.tex``
    every number that they offer, and their configurations: the text says
    ``\val{two-minima/escape-probability}``, and an unknown name is an error;
``tables/NAME-TABLE.tex``, ``figures/NAME-FIGURE.pdf``
    rows between rules, without a caption, and figures, which the text puts into its floats;
``manifest.json``, ``flowopt.sty``
    where each product comes from, and the style that gives the text its numbers.

``flowopt paper`` makes them and the PDF; ``flowopt paper --check`` tells where the text, the
products and the results disagree. Modules: `contents` reads what is wanted, `products` makes it,
`tex` prints it, `source` and `bibliography` read the text, `checking` compares, `latex` builds.
"""
