"""Tsitouras's pair 5(4): order 5, six stages and the derivative at the new point.

Embedded error: one row, b - bhat with bhat of order 4. Interpolant: Tsitouras's quartic, order 4,
continuously differentiable. Step control: as for Dopri5.

Source: Ch. Tsitouras, Runge-Kutta pairs of order 5(4) satisfying only the first column simplifying
assumption, Comput. Math. Appl. 62 (2011) 770-775: Table 1, and the interpolant in factored form.

Digits. The paper prints 16 to 19. c_1, c_2, c_3 and b_1 (counted from 0) are short decimals and the
rest solves the order conditions; more digits of a, b and bhat are in P. Stone's collection of
Runge-Kutta schemes and in DiffEqDevTools.jl. They are kept to 40 decimals here, and the first entry
of a row takes the rounding, so that the sums of a and b are exact.

The paper's seven polynomials are those of a C1 interpolant,
b_s (3 th^2 - 2 th^3) + k_s th^2 (1 - th)^2, plus th (1 - th)^2 in the first row and
-th^2 (1 - th) in the last, with k_1 = 0.1017, k_5 = -15 b_5, k_6 = 2.5. The other four k_s, printed
to 17 to 19 digits, solve the order conditions up to order 4, which gives their further digits.

The row printed as bhat in the paper is b - bhat, and its last entry must be -1/66 for the sum to
be 0 (printed without the sign, as several later codes note).
"""

from flowopt.integrators.tableaus.tableau import Tableau

TABLEAU = Tableau(
    name="Tsit5",
    order=5,
    reference="Ch. Tsitouras, Comput. Math. Appl. 62 (2011) 770-775, Table 1",
    c=("0", "0.161", "0.327", "0.9", "0.9800255409045096857298102862870245954942", "1"),
    a=(
        (),
        ("0.161",),
        ("-0.0084806554923569885444268742502307746751",
         "0.3354806554923569885444268742502307746751"),
        ("2.8971530571054934321304325941929387649249",
         "-6.3594484899750748431481599123838256259527",
         "4.3622954328695814110177273181908868610278"),
        ("5.3258648284392566044288779208405113178364",
         "-11.7488835640628278777471703397857729618874",
         "7.4955393428898362083046047845643581556587",
         "-0.0924950663617552492565020793320719161135"),
        ("5.8614554429464200286592514869826478903944",
         "-12.9209693178471092917061186817833593954178",
         "8.1593678985761586431804007945392534851819",
         "-0.0715849732814009972245305425258297386913",
         "-0.0282690503940683829090030572127122414672"),
    ),
    b=(
        "0.0964607668180652295181673131651287633371", "0.01",
        "0.479889650414499574775249532290596519913", "1.3790085741037418931922748218568727707565",
        "-3.2900695154360806799010475857113638501157", "2.3247105240997739824153559183987657961091",
    ),
    fsal=True,
    error=(
        ("0.0017800110522257714433785506075395347759", "0.0008164344596567469032236360633546862402",
         "-0.0078808780102619960103147276725263042386",
         "0.1447110071732629075371651479726351167209",
         "-0.5823571654525552250199376106520421794261",
         "0.4580821059291869466616365188325542974428", "-1/66"),
    ),
    error_orders=(4,),
    dense=(
        ("1", "-2.7637061972748258686729883630276822599319",
         "2.9132554618219126554186459787158795732122",
         "-1.0530884977290215572274903025230685499432"),
        ("0", "0.1317", "-0.2234", "0.1017"),
        ("0", "3.9302962368947515174092936694599854980877",
         "-5.9410338721315047357175892097575849165234",
         "2.4906272856512527930835450725881959383487"),
        ("0", "-12.4110771669336770387304733967118549368081",
         "30.3381886302823216502300460808512009566422",
         "-16.5481028892449027183072978622824732490776"),
        ("0", "37.5093134165110391789784391110647412519609",
         "-88.1789048947664010775610685649749379043846",
         "47.379521962819281218681581868198832802308"),
        ("0", "-27.8965262891972877889842710207851895533092",
         "65.0918946747936715076299657151654422910548",
         "-34.8706578614966097362303387759814869416365"),
        ("0", "1.5", "-4", "2.5"),
    ),
    dense_order=4,
    alpha64=11,
    beta64=3,
)
