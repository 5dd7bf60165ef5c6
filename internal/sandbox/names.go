package sandbox

import "strings"

// word is a text and its plain form for addresses.
type word struct{ text, plain string }

// words splits "José|jose Ana": where no plain form is given it is the text in
// lower case. An underscore stands for a space.
func words(s string) []word {
	var ws []word
	for _, f := range strings.Fields(s) {
		text, plain, ok := strings.Cut(f, "|")
		text = strings.ReplaceAll(text, "_", " ")
		if !ok {
			plain = strings.ToLower(text)
		}
		ws = append(ws, word{text, plain})
	}
	return ws
}

func texts(s string) []string { return strings.Split(s, ";") }

var (
	firstNames = words(`Ada Aisha Alejandro Amara Amélie|amelie Ana Anders Anika Anton Aoife Arjun Astrid Ayumi|ayumi
		Beatriz Benedikt Björn|bjorn Bruno Camila Carlos Chidi Chloë|chloe Clara Daniela David Deepa Diego Dmitri Eileen
		Elif Emeka Emma Erik Esra Farid Fatima Felix Femi Finn Florence Freya Gabriel Giulia Grace Hana Hassan Helena
		Henrik Hiro Ibrahim Ines Ingrid Isabel Ivan Jakub Jamal Jane João|joao Jonas José|jose Julia Kamila Karim Katarzyna
		Kenji Khadija Kofi Lars Layla Leila Lena Liam Linh Lucía|lucia Luka Magnus Malik Marco María|maria Mateo Mei Mia
		Miguel Mila Min-jun|minjun Mohammed Nadia Naoki Nils Nina Noor Olga Oliver Omar Oskar Paula Pedro Petra Priya Rafael
		Rajesh René|rene Rosa Ruth Sakura Samuel Sanjay Sara Selin Siobhán|siobhan Sofia Søren|soren Tamar Tariq Thandiwe
		Tomás|tomas Ulla Valentina Viktor Wei Yara Yasmin Yusuf Zoë|zoe Zainab`)
	lastNames = words(`Abbott Adeyemi Ahmed Almeida Andersson Banerjee Bauer Becker Bernard Bianchi Bjørnstad|bjornstad
		Brown Calderón|calderon Chen Chowdhury Costa D'Angelo|dangelo Dahl Davies Diaz Dubois Dvořák|dvorak Edwards Eriksen
		Fernández|fernandez Fischer Fontaine Fujimoto García|garcia Girard Gomez Gonçalves|goncalves Greene Gupta Haddad Hansen
		Hernandez Hoffmann Horváth|horvath Hughes Ivanova Iyer Jansen Jensen Johansson Jones Kamau Kaplan Khan Kim Kimura Kowalski
		Kumar Larsen Laurent Lee Lindqvist López|lopez Mäkinen|makinen Martin Mbeki McCarthy Mehta Meyer Miller Moreau Moreno
		Müller|muller Murphy Nakamura Navarro Nguyen Nielsen Novák|novak Nowak O'Brien|obrien O'Connor|oconnor Okafor Okonkwo
		Olsen Ortiz Osei Park Patel Pereira Petrov Popescu Quinn Rahman Ramírez|ramirez Ricci Rossi Roux Ruiz Santos Sato Schmidt
		Schneider Silva Singh Smith Sokolova Suzuki Tanaka Taylor Thomas Torres Tran Ueda Van_der_Berg|vanderberg Vargas Virtanen
		Volkov Wagner Walker Wang Weiß|weiss Wilson Wójcik|wojcik Yamamoto Yılmaz|yilmaz Young Zhang Zimmermann`)
	// first and last in turn, of one script
	otherNames = words(`美咲|misaki 田中|tanaka 伟|wei 王|wang אורי|uri כהן|cohen محمد|mohammed العلي|alali Олена|olena Шевченко|shevchenko
		유진|yujin 김|kim प्रिया|priya शर्मा|sharma`)
	companyFirst = words(`Adventure Alpine Amber Apex Arctic Aurora Basalt Bayside Beacon Birch Blue_Yonder|blueyonder Bluebird
		Boulder Bright Canyon Cascade Cedar Cobalt Coho Contoso Copper Coral Crescent Delta Eastwind Ember Evergreen Fabrikam
		Falcon Fjord|fjord Fourth Fourth_Coffee|fourthcoffee Glacier Golden Granite Graphic Harbor Harvest Highland Horizon
		Humongous Indigo Iron Ivory Juniper Keystone Lakeshore Lamna Liberty Litware Lucerne Lumen Maple Margie's|margies
		Meridian Midnight Munson Nod Nordic Northwind Oak Ocean Olive Onyx Orchard Pacific Parnell Pearl Pine Pinnacle
		Proseware Quantum Quartz Red Relecloud Ridge Riverbend Rowan Sable Saffron Sierra Silver Skyline Southridge Spruce
		Sterling Stone Summit Sunrise Tailspin Tern Thistle Tidewater Trey Tundra VanArsdel Velvet Verdant Vista Walnut
		Wide_World|wideworld Willow Wingtip Woodgrove Zenith Zephyr`)
	companySecond = words(`Aerospace Analytics Automation Biotech Brewing Ceramics Chemicals Clinics Cloud Coffee Components
		Construction Consulting Controls Cycles Dairy Design Distribution Dynamics Electronics Energy Engineering Farms Finance
		Foods Forestry Freight Furniture Games Glass Health Hospitality Importers Instruments Insurance Interiors Labs Leasing
		Logistics Machining Manufacturing Marine Media Medical Metals Mining Mobility Motors Networks Optics Outfitters Packaging
		Paper Partners Pharmaceuticals Plastics Power Press Properties Publishing Rail Recycling Research Robotics Security
		Semiconductors Shipping Software Solar Steel Studios Supply Systems Telecom Textiles Tools Toys Traders Travel Vineyards
		Water Winery Works`)
	companySuffix = texts("Inc.;Ltd;LLC;GmbH;AG;S.A.;S.p.A.;AB;B.V.;Pty Ltd;Oy;K.K.;Group;& Co.;Holdings;plc")

	jobTitles = texts("Account Executive;Account Manager;Chief Financial Officer;Chief Technology Officer;Customer Success Manager;" +
		"Director of Operations;Head of Procurement;IT Administrator;Marketing Manager;Office Manager;Owner;Product Manager;" +
		"Purchasing Manager;Regional Sales Director;Sales Development Representative;Solutions Architect;Support Engineer;" +
		"Support Team Lead;Vice President, Sales;Warehouse Supervisor")
	departments = texts("Customer Success;Engineering;Finance;Human Resources;IT;Legal;Logistics;Marketing;Operations;Procurement;Sales;Support")
	streets     = texts("Birch Lane;Bridge Street;Canal Road;Castle Hill;Church Street;Dock Road;Elm Avenue;Garden Walk;Grand Avenue;" +
		"Harbour View;High Street;Industrial Way;King Street;Lake Drive;Main Street;Market Square;Mill Road;North Ring;Oak Street;" +
		"Park Avenue;Queen's Road;River Street;Rue de l'Église;Schillerstraße;Station Road;Sunset Boulevard;Victoria Terrace")
	topics = texts("Renewal;Upgrade to the premium plan;New warehouse system;Pilot for the sales team;Extension of the framework agreement;" +
		"Migration to the cloud;Additional 250 seats;Training package;Replacement of the old line;Maintenance contract")
	complaints = texts("Cannot sign in after the update;Invoice shows the wrong amount;Delivery is two days late;Report does not open;" +
		"Question about the warranty;Printer jams on every page;Request for a refund;Data missing from the export;" +
		"Part arrived damaged;Integration stops at night")
	sentences = texts("Met the team on site and walked through the open points.;The customer asked for a revised quote by the end of the month.;" +
		"Budget is approved, the decision lies with the board.;Prefers e-mail over phone.;Contract renews every spring.;" +
		"Very satisfied with the last delivery.;Second site opens next year.;Wants a named contact for urgent cases.;" +
		"Keep an eye on the payment terms.;Introduced by a partner at the trade fair.")
)

// place is a city with what stands around it in an address.
type place struct {
	city, state, country, postal, dial string
	latitude, longitude                float64
}

var places = []place{
	{"Seattle", "WA", "United States", "98101", "+1 206 555", 47.60621, -122.33207},
	{"Austin", "TX", "United States", "78701", "+1 512 555", 30.26715, -97.74306},
	{"Chicago", "IL", "United States", "60601", "+1 312 555", 41.87811, -87.6298},
	{"New York", "NY", "United States", "10001", "+1 212 555", 40.71278, -74.00594},
	{"Toronto", "ON", "Canada", "M5H 2N2", "+1 416 555", 43.65107, -79.34702},
	{"Montréal", "QC", "Canada", "H2Y 1C6", "+1 514 555", 45.50169, -73.56726},
	{"London", "", "United Kingdom", "EC1A 1BB", "+44 20 7946", 51.50735, -0.12776},
	{"Manchester", "", "United Kingdom", "M1 1AE", "+44 161 496", 53.48076, -2.24263},
	{"Dublin", "", "Ireland", "D02 X285", "+353 1 555", 53.34981, -6.26031},
	{"Berlin", "", "Germany", "10115", "+49 30 5550", 52.52001, 13.40495},
	{"München", "Bayern", "Germany", "80331", "+49 89 5550", 48.13513, 11.58198},
	{"Zürich", "ZH", "Switzerland", "8001", "+41 44 555", 47.37689, 8.54169},
	{"Paris", "", "France", "75001", "+33 1 55 50", 48.85661, 2.35222},
	{"Lyon", "", "France", "69001", "+33 4 55 50", 45.76404, 4.83566},
	{"Madrid", "", "Spain", "28001", "+34 915 55", 40.41678, -3.70379},
	{"Milano", "MI", "Italy", "20121", "+39 02 5550", 45.46420, 9.18998},
	{"Amsterdam", "", "Netherlands", "1011", "+31 20 555", 52.36757, 4.90414},
	{"København", "", "Denmark", "1050", "+45 55 50", 55.6761, 12.56834},
	{"Stockholm", "", "Sweden", "111 20", "+46 8 555", 59.32932, 18.06858},
	{"Kraków", "", "Poland", "31-001", "+48 12 555", 50.06465, 19.94498},
	{"Praha", "", "Czechia", "110 00", "+420 255 5", 50.07554, 14.43780},
	{"İstanbul", "", "Türkiye", "34000", "+90 212 555", 41.00824, 28.97836},
	{"Tel Aviv", "", "Israel", "6100000", "+972 3 555", 32.0853, 34.78177},
	{"دبي", "", "United Arab Emirates", "", "+971 4 555", 25.20485, 55.27078},
	{"Mumbai", "Maharashtra", "India", "400001", "+91 22 5550", 19.07609, 72.87743},
	{"Bengaluru", "Karnataka", "India", "560001", "+91 80 5550", 12.97160, 77.59456},
	{"東京", "", "Japan", "100-0001", "+81 3 5550", 35.68949, 139.69171},
	{"Singapore", "", "Singapore", "018956", "+65 5550", 1.35208, 103.81984},
	{"Sydney", "NSW", "Australia", "2000", "+61 2 5550", -33.86882, 151.2093},
	{"Auckland", "", "New Zealand", "1010", "+64 9 555", -36.84846, 174.76333},
	{"São Paulo", "SP", "Brazil", "01000-000", "+55 11 5550", -23.55052, -46.63331},
	{"Nairobi", "", "Kenya", "00100", "+254 20 555", -1.29207, 36.82195},
}

// currency is one row of transactioncurrency. The first is the base currency.
type currency struct {
	name, code, symbol string
	rate               int64 // 12 digits after the point
	precision          int64
}

var currencies = []currency{
	{"US Dollar", "USD", "$", 1_000000000000, 2},
	{"Euro", "EUR", "€", 921375000000, 2},
	{"Pound Sterling", "GBP", "£", 787401574803, 2},
	{"Yen", "JPY", "¥", 149_250000000000, 0},
	{"Indian Rupee", "INR", "₹", 83_125000000000, 2},
}

var unitNames = []string{"Contoso", "Americas", "EMEA", "APAC", "Services", "Support", "Partner Sales", "Operations"}

var teamNames = []string{"Renewals Desk", "Tier 2 Support", "Enterprise Accounts", "Onboarding"}
