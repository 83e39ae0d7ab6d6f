"""Pages of the documentation, and pictures of the README, made from the results of experiments.

``python -m flowopt.gallery docs`` writes the pages of the experiments, the gallery, the dictionary
and the atlas into ``docs/source``; ``python -m flowopt.gallery readme`` makes the small pictures in
``docs/images`` and the README's table of them. What is kept in ``results`` is loaded, and what is
missing is run, as by ``flowopt run``.
"""
