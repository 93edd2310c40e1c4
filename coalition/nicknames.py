"""First names that stand for each other, in English and Spanish: Bob is Robert, Pepe is José. Folded, as in search."""

SHORT_FORMS = """
abigail: abby abbie gail
abraham: abe bram
agustin: tin
albert: al bert
alberto: beto berto
alejandra: ale alex sandra
alejandro: ale alex jandro
alexander: al alec alex sandy xander
alexandra: alex lexi sandra sandy
alfonso: poncho fonso
alfred: al alf fred
alfredo: fredo fredy
alicia: licha
amanda: mandy
ana: anita
andrea: andy
andres: andy
andrew: andy drew
angela: angie
angeles: angie
ann: anne annie
anthony: tony
antonia: tona toni
antonio: tono tony toni
arturo: turo
barbara: barb babs
beatriz: bety betty bea
benjamin: ben benny benji
bernardo: nardo
bradley: brad
candelaria: candy
carlos: carlitos charlie
carmen: carmela carmelita
carolina: caro
caroline: carrie
catalina: cata
catherine: cathy cate kate katie cat
charles: charlie chuck chas
christina: chris chrissy tina
christine: chris chrissy tina
christopher: chris topher kit
concepcion: concha conchita
consuelo: chelo
cristina: cris tina
cynthia: cindy
daniel: dan danny dani
daniela: dani
david: dave davy
deborah: deb debbie debra
diego: yago
dolores: lola lolita
donald: don donny
dorothy: dot dottie
douglas: doug
edgar: ed
eduardo: edu lalo eddie
edward: ed eddie ned ted
elizabeth: beth betsy betty eliza liz lizzie liza lisa
emanuel: manny manu
encarnacion: encarna
enrique: kike quique
ernesto: neto
eugene: gene
eugenia: kena
federico: fede
felipe: pipe
fernanda: fer nanda
fernando: fer nando
florencia: flor
frances: fran frannie
francis: frank
francisca: paca paquita pancha
francisco: paco pancho kiko curro fran frank cisco
franklin: frank
frederick: fred freddy
gabriel: gabe gabo gabi
gabriela: gaby gabi
gerald: gerry jerry
gerardo: gera
gilberto: gil beto
gonzalo: chalo
graciela: chela
gregory: greg
gregorio: goyo
guadalupe: lupe lupita
guillermo: memo guille
gustavo: gus tavo
harold: hal harry
henry: hank harry hal
herlinda: linda
humberto: beto
ignacio: nacho
isabel: isa chabela chavela bel
isabella: bella izzy
jacob: jake
jacqueline: jackie
jaime: jimmy
james: jim jimmy jamie
janet: jan
jeffrey: jeff
jennifer: jen jenn jenny
jeremiah: jerry
jeronimo: jero
jessica: jess jessie
jesus: chuy chucho
joanna: jo joanne
joaquin: quino
john: jack johnny jon
jonathan: jon jonny nathan
jorge: coque
jose: pepe chepe josecito
josefa: pepa chepa
josefina: fina pepa
joseph: joe joey
joshua: josh
juan: juanito juancho
juana: juanita
judith: judy
julia: julie
katherine: kate kathy katie kat kay kit
kathleen: kathy kate kay
kenneth: ken kenny
kimberly: kim
laurence: larry
lawrence: larry laurie
leonard: len lenny leo
leonardo: leo nardo
leticia: lety
lillian: lily lil
louis: lou
louise: lou
lourdes: lulu
lucia: lucy
luis: lucho
luz: lucha
manuel: manolo manny manu lolo
manuela: manola
margaret: maggie marge meg peg peggy greta
margarita: mago rita
maria: mary mari marita maruja
mariana: nana
martha: marty
martin: marty tincho
matthew: matt
mateo: teo
maximiliano: max
maximilian: max
melissa: mel missy
mercedes: meche merche
michael: mike mikey mick
miguel: mike migue
micaela: mica
michelle: shelly
miriam: mimi
monica: moni
nancy: nan
natalia: nata naty
nathan: nate
nathaniel: nate nathan
nicholas: nick nicky
nicolas: nico
norma: normita
octavio: tavo
pamela: pam
patricia: pat patty patsy tricia trish pati
patricio: pato
patrick: pat paddy
pedro: perico pedrito
peter: pete
philip: phil
phillip: phil
pilar: pili
rafael: rafa
ramon: moncho
randall: randy
raymond: ray
rebecca: becca becky
refugio: cuca cuco
ricardo: rick ricky richi cardo
richard: dick rich rick ricky
robert: bob bobby rob robbie bert
roberto: beto tito rober robert
rodolfo: rodo fito
rodrigo: rodri
ronald: ron ronnie
rosa: rosita
rosalia: rosa lia
rosario: charo chayo
salvador: chava salva
samantha: sam
samuel: sam sammy
sandra: sandy
santiago: santi chago
sebastian: seba bas
sergio: checo
sharon: shari
silvia: chiva
socorro: coco
sofia: sofi
soledad: sole chole
stephanie: steph stef
stephen: steve
steven: steve
susan: sue susie suzy
susana: susi
teodoro: teo
teresa: tere teresita
theodore: ted teddy theo
theresa: terry tess tessa
thomas: tom tommy
timothy: tim timmy
tomas: tomasito
trinidad: trini
valentina: vale
valeria: vale
vanessa: nessa
veronica: vero ronnie
vicente: chente
victor: vic vico
victoria: vicky tori
vincent: vince vinny
virginia: ginny ginger
walter: walt wally
wilfredo: will
william: bill billy liam will willie
zachary: zach zack
"""

FULL = {}
for _line in SHORT_FORMS.strip().splitlines():
    _full, _short = _line.split(":")
    for _name in _short.split():
        FULL.setdefault(_name, []).append(_full)


def full_forms(first):
    """What a folded first name may stand for, itself among them: "beto" → {"beto", "roberto", "alberto", …}."""
    return {first, *FULL.get(first, ())}
