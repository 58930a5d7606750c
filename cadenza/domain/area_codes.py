"""North American area codes: the state or province of each, and the zones of the states that a zone's border crosses.

Own knowledge, because phonenumbers 9.0.43 knows a new overlay by one guessed entry: 689 (Orlando) answers Central, 474
(Saskatchewan) answers Winnipeg, and 364, 448, 458, 581, 778 and 930 answer one zone where the code that they overlay
lies in two. A test holds this table against the library's.
"""

from functools import cache

from cadenza.domain.places import state_zones

_CODES = {
    "US": """
        AK 907; AL 205 251 256 334 659 938; AR 327 479 501 870; AS 684; AZ 480 520 602 623 928;
        CA 209 213 279 310 323 341 350 369 408 415 424 442 510 530 559 562 619 626 628 650 657 661 669 707 714 738 747
           760 805 818 820 831 840 858 909 916 925 949 951;
        CO 303 719 720 748 970 983; CT 203 475 860 959; DC 202 771; DE 302;
        FL 239 305 321 324 352 386 407 448 561 645 656 689 727 728 754 772 786 813 850 863 904 941 954;
        GA 229 404 470 478 678 706 762 770 912 943; GU 671; HI 808; IA 319 515 563 641 712; ID 208 986;
        IL 217 224 309 312 331 447 464 618 630 708 730 773 779 815 847 872; IN 219 260 317 463 574 765 812 930;
        KS 316 620 785 913; KY 270 364 502 606 859; LA 225 318 337 504 985;
        MA 339 351 413 508 617 774 781 857 978; MD 227 240 301 410 443 667; ME 207;
        MI 231 248 269 313 517 586 616 734 810 906 947 989; MN 218 320 507 612 651 763 952;
        MO 235 314 417 557 573 636 660 816 975; MP 670; MS 228 601 662 769; MT 406;
        NC 252 336 472 704 743 828 910 919 980 984; ND 701; NE 308 402 531; NH 603;
        NJ 201 551 609 640 732 848 856 862 908 973; NM 505 575; NV 702 725 775;
        NY 212 315 329 332 347 363 516 518 585 607 631 646 680 716 718 838 845 914 917 929 934;
        OH 216 220 234 283 326 330 380 419 440 513 567 614 740 937; OK 405 539 572 580 918; OR 458 503 541 971;
        PA 215 223 267 272 412 445 484 570 582 610 717 724 814 835 878; PR 787 939; RI 401;
        SC 803 821 839 843 854 864; SD 605; TN 423 615 629 731 865 901 931;
        TX 210 214 254 281 325 346 361 409 430 432 469 512 682 713 726 737 806 817 830 832 903 915 936 940 945 956 972
           979;
        UT 385 435 801; VA 276 434 540 571 686 703 757 804 826 948; VI 340; VT 802; WA 206 253 360 425 509 564;
        WI 262 274 353 414 534 608 715 920; WV 304 681; WY 307
    """,
    "CA": """
        AB 368 403 587 780 825; BC 236 250 257 604 672 778; MB 204 431 584; NB 428 506; NL 709 879; NS 782 902;
        NT 867; NU 867; ON 226 249 289 343 365 382 416 437 519 548 613 647 683 705 742 753 807 905 942; PE 782 902;
        QC 263 273 354 367 418 438 450 468 514 579 581 819 873; SK 306 474 639; YT 867
    """,
}

_WITHIN_ONE_ZONE = {
    "America/New_York": (
        "239 305 321 324 352 386 407 561 645 656 689 727 728 754 772 786 813 863 904 941 954 "  # FL but 448 850
        "260 317 463 765 "  # IN but 219 574 812 930
        "502 859 "  # KY but 270 364 606
        "231 248 269 313 517 586 616 734 810 947 989 "  # MI but 906
        "865"  # TN
    ),
    "America/Chicago": (
        "615 629 731 901 931 "  # TN but 423
        "316 913 "  # KS but 620 785
        "402 531 "  # NE but 308
        # TX but 915, which is Mountain
        "210 214 254 281 325 346 361 409 430 432 469 512 682 713 726 737 806 817 830 832 903 936 940 945 956 972 979"
    ),
    "America/Denver": "915",
    "America/Phoenix": "480 520 602 623",
    "America/Los_Angeles": "503 971 702 725",
    "America/Vancouver": "604",
    "America/Toronto": (
        "226 249 289 343 365 382 416 437 519 548 613 647 683 705 742 753 905 942 "  # ON but 807
        "263 273 354 438 450 468 514 579 819 873"  # QC but 367 418 581
    ),
}
"""Codes of a divided state that lie on one side of the border. All its other codes may lie on either."""

LIBRARY_IS_WRONG = {"689": "America/Chicago", "474": "America/Winnipeg"}
"""Area code to the zone that the library puts it in and that its state has no part in, or not there."""


@cache
def area_code_states(area_code: str) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    """Country, state and zones of each state that the code may be in; empty if the code is not known here."""
    return tuple(
        (country, state, _zones(country, state, area_code))
        for country, states in _states().items()
        for state, codes in states.items()
        if area_code in codes
    )


def known_area_codes() -> frozenset[str]:
    return frozenset(code for states in _states().values() for codes in states.values() for code in codes)


def _zones(country: str, state: str, area_code: str) -> tuple[str, ...]:
    one = next((zone for zone, codes in _WITHIN_ONE_ZONE.items() if area_code in codes.split()), None)
    return (one,) if one else state_zones(country, state) or ()


@cache
def _states() -> dict[str, dict[str, frozenset[str]]]:
    return {
        country: {state: frozenset(codes) for state, *codes in (line.split() for line in text.split(";"))}
        for country, text in _CODES.items()
    }
