"""Makes the embedded base model of ftchat: text from a seed, tokenizer, training, figures, export.

Run from the repository's root; every command is one step and says what it wrote:

    python -m scripts.starter show        # a few generated conversations, to read
    python -m scripts.starter tokenizer   # text from the seed -> build/starter/tokenizer
    python -m scripts.starter train       # the training run, resumable, a checkpoint every few minutes
    python -m scripts.starter export      # newest checkpoint -> ftchat/starter
    python -m scripts.starter separate    # unseen tokens of ftchat/starter -> embeddings of their own; once, after export
    python -m scripts.starter evaluate    # figures on held-out kinds of prompts, written to build/starter/figures.json
    python -m scripts.starter overlap     # 13-grams shared by the training text and data_templates (must be 0)

The text files in `text/` are grammars and tables written for this model; nothing in them is copied from elsewhere.
"""
