"""One bridge under a steady number of calls for hours: does anything grow, does anything get stuck?"""
