"""Which clock somebody lives by: the zone they gave, else their state's, else their area code's (rule S7).

A state or an area code that spans two zones gives both: who asks must be right in each.
"""

from django.conf import settings

EASTERN, CENTRAL, MOUNTAIN, PACIFIC = "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles"
ARIZONA, ALASKA, ALEUTIAN = "America/Phoenix", "America/Anchorage", "America/Adak"
HAWAII, ATLANTIC = "Pacific/Honolulu", "America/Puerto_Rico"
GUAM, SAMOA = "Pacific/Guam", "Pacific/Pago_Pago"

# What people choose from, east to west.
USUAL = (ATLANTIC, EASTERN, CENTRAL, MOUNTAIN, ARIZONA, PACIFIC, ALASKA, HAWAII)

STATES = {
    (EASTERN,): "CT DC DE GA MA MD ME NC NH NJ NY OH PA RI SC VA VT WV",
    (CENTRAL,): "AL AR IA IL LA MN MO MS OK WI",
    (MOUNTAIN,): "CO MT NM UT WY",
    (PACIFIC,): "CA WA",
    (EASTERN, CENTRAL): "FL IN KY MI TN",
    (CENTRAL, MOUNTAIN): "KS ND NE SD TX",
    (MOUNTAIN, PACIFIC): "ID NV OR",
    (ARIZONA, MOUNTAIN): "AZ",
    (ALASKA, ALEUTIAN): "AK",
    (HAWAII,): "HI",
    (ATLANTIC,): "PR VI",
    (GUAM,): "GU MP",
    (SAMOA,): "AS",
}
AREA_CODES = {
    (EASTERN,): """
        201 202 203 207 212 215 216 220 223 227 229 231 234 239 240 248 252 260 267 269 272 276 283 301 302 304 305 313
        315 317 321 324 326 329 330 332 336 339 347 351 352 363 380 386 401 404 407 410 412 413 419 434 436 440 443 445
        463 470 472 475 478 484 502 508 513 516 517 518 540 551 561 567 570 571 582 585 586 603 607 609 610 614 616 617
        624 631 640 645 646 656 667 678 679 680 681 686 689 703 704 706 716 717 718 724 727 728 732 734 740 743 754 757
        762 765 770 771 772 774 781 786 802 803 804 810 813 814 821 826 828 835 838 839 843 845 848 854 856 857 859 860
        862 863 864 865 878 904 908 910 912 914 917 919 929 934 937 941 943 947 948 954 959 973 978 980 984 989""",
    (CENTRAL,): """
        205 210 214 217 218 224 225 228 235 251 254 256 262 274 281 309 312 314 316 318 319 320 325 327 331 334 337 346
        353 361 402 405 409 414 417 430 432 447 464 469 479 501 504 507 512 515 531 534 539 557 563 572 573 580 601 608
        612 615 618 629 630 636 641 651 659 660 662 682 708 712 713 715 726 730 731 737 763 769 773 779 806 815 816 817
        830 832 847 861 870 872 901 903 913 918 920 924 936 938 940 945 952 956 972 975 979 985""",
    (MOUNTAIN,): "303 307 385 406 435 505 575 719 720 748 801 915 970 983",
    (PACIFIC,): """
        206 209 213 253 279 310 323 341 350 357 360 369 408 415 424 425 442 503 509 510 530 559 562 564 619 626 628 650
        657 661 669 702 707 714 725 738 747 760 805 818 820 831 837 840 858 909 916 925 949 951 971""",
    (EASTERN, CENTRAL): "219 270 364 423 448 574 606 812 850 906 930 931",
    (CENTRAL, MOUNTAIN): "308 605 620 701 785",
    (MOUNTAIN, PACIFIC): "208 458 541 775 986",
    (ARIZONA,): "480 520 602 623",
    (ARIZONA, MOUNTAIN): "928",
    (ALASKA, ALEUTIAN): "907",
    (HAWAII,): "808",
    (ATLANTIC,): "340 787 939",
    (GUAM,): "670 671",
    (SAMOA,): "684",
}
_BY_STATE = {state: zones for zones, states in STATES.items() for state in states.split()}
_BY_AREA_CODE = {code: zones for zones, codes in AREA_CODES.items() for code in codes.split()}


def zones_of(*, time_zone="", state="", number=""):
    """The zones somebody may live in, as a tuple of names; the coalition's own when nothing tells."""
    if time_zone:
        return (time_zone,)
    if zones := _BY_STATE.get(state):
        return zones
    if number.startswith("+1") and (zones := _BY_AREA_CODE.get(number[2:5])):
        return zones
    return (settings.TIME_ZONE,)
