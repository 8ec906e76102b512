// What the page says, in Slovenian, Italian and English.

const CENTERS = {
  sl: { governance: "Celovito vodenje", mobility: "Mobilnost in transport", economy: "Gospodarstvo", buildings: "Stavbe",
    environment: "Okolje", administration: "Uprava", energy: "Energija", living: "Življenje", emergency: "Načrtovanje in izredne razmere" },
  it: { governance: "Gestione integrata", mobility: "Mobilità e trasporti", economy: "Economia", buildings: "Edifici",
    environment: "Ambiente", administration: "Amministrazione", energy: "Energia", living: "Vita", emergency: "Pianificazione ed emergenze" },
  en: { governance: "Governance", mobility: "Mobility and transport", economy: "Economy", buildings: "Buildings",
    environment: "Environment", administration: "Administration", energy: "Energy", living: "Living", emergency: "Planning and emergencies" },
};

const QUANTITIES = {
  sl: { occupancy: "zasedenost", distance: "razdalja", water_volume: "količina vode", water_flow: "pretok vode", volume: "prostornina",
    volume_flow: "pretok", heat_energy: "toplota", heat_energy_gj: "toplota", heat_power: "toplotna moč", flow_temperature: "temperatura dovoda",
    return_temperature: "temperatura povratka", temperature_difference: "temperaturna razlika", temperature: "temperatura", active_energy_import: "prejeta energija",
    active_energy_export: "oddana energija", active_power: "delovna moč", voltage: "napetost", current: "tok", frequency: "frekvenca", online: "povezanost",
    firmware_version: "različica programa", boot_count: "zagoni", reset_cause: "vzrok zagona", clock: "ura", heap_free: "prost pomnilnik",
    outbox_depth: "čaka na oddajo", operating_time: "čas delovanja", error_flags: "zastavice napak", status_code: "stanje", meter_status: "zastavice stanja", energy: "energija", power: "moč", on_time: "čas pod napetostjo", relay_state: "rele", valve_position: "lega ventila",
    fabrication_number: "tovarniška številka", meter_time: "ura števca", meter_date: "datum števca", next_billing_date: "naslednji obračun", battery_voltage: "napetost baterije",
    signal_strength: "moč signala", level: "gladina", reactive_power: "jalova moč", apparent_power: "navidezna moč", gas_volume: "količina plina", power_factor: "faktor moči",
    vehicle_count_in: "vozila noter", vehicle_count_out: "vozila ven", occupied_count: "vozil v hiši", magnetic_field: "magnetno polje", magnetic_deviation: "odklon polja",
    radar_distance: "razdalja (radar)", radar_energy: "odboj (radar)", night_flow: "nočni pretok", water_flags: "opozorila o vodi", pulse_epoch: "izgubljeni impulzi", pressure: "tlak",
    laeq: "ekvivalentna raven hrupa", lafmax: "najvišja raven hrupa", lafmin: "najnižja raven hrupa", la10: "hrup, presežen 10 % časa", la50: "hrup, presežen 50 % časa", la90: "hrup, presežen 90 % časa",
    overload_count: "preobremenjeni vzorci", lost_samples: "izgubljeni vzorci", measured_time: "merjeni čas", pm1: "delci PM1", pm2_5: "delci PM2,5", pm4: "delci PM4", pm10: "delci PM10",
    pm1_corrected: "delci PM1, popravljeno", pm2_5_corrected: "delci PM2,5, popravljeno", pm10_corrected: "delci PM10, popravljeno", relative_humidity: "relativna vlaga", air_pressure: "zračni tlak",
    co2: "ogljikov dioksid", no2: "dušikov dioksid", o3: "ozon", so2: "žveplov dioksid", co: "ogljikov monoksid", air_flags: "opozorila o zraku", fan_hours: "ure ventilatorja", sensor_life: "preostala doba senzorja",
    flood_state: "poplava", float_switch: "plovec", valve_state: "stanje ventila" },
  it: { occupancy: "occupazione", distance: "distanza", water_volume: "volume d'acqua", water_flow: "portata d'acqua", volume: "volume",
    volume_flow: "portata", heat_energy: "calore", heat_energy_gj: "calore", heat_power: "potenza termica", flow_temperature: "temperatura di mandata",
    return_temperature: "temperatura di ritorno", temperature_difference: "differenza di temperatura", temperature: "temperatura", active_energy_import: "energia prelevata",
    active_energy_export: "energia immessa", active_power: "potenza attiva", voltage: "tensione", current: "corrente", frequency: "frequenza", online: "connessione",
    firmware_version: "versione del programma", boot_count: "avvii", reset_cause: "causa del riavvio", clock: "orologio", heap_free: "memoria libera",
    outbox_depth: "in attesa d'invio", operating_time: "tempo di funzionamento", error_flags: "segnali d'errore", status_code: "stato", meter_status: "segnali di stato", energy: "energia", power: "potenza", on_time: "tempo sotto tensione", relay_state: "relè", valve_position: "posizione della valvola",
    fabrication_number: "numero di fabbrica", meter_time: "orologio del contatore", meter_date: "data del contatore", next_billing_date: "prossima fatturazione", battery_voltage: "tensione della batteria",
    signal_strength: "intensità del segnale", level: "livello", reactive_power: "potenza reattiva", apparent_power: "potenza apparente", gas_volume: "volume di gas", power_factor: "fattore di potenza",
    vehicle_count_in: "veicoli entrati", vehicle_count_out: "veicoli usciti", occupied_count: "veicoli presenti", magnetic_field: "campo magnetico", magnetic_deviation: "scarto del campo",
    radar_distance: "distanza (radar)", radar_energy: "eco (radar)", night_flow: "portata notturna", water_flags: "avvisi sull'acqua", pulse_epoch: "impulsi perduti", pressure: "pressione",
    laeq: "livello sonoro equivalente", lafmax: "livello sonoro massimo", lafmin: "livello sonoro minimo", la10: "livello superato per il 10 %", la50: "livello superato per il 50 %", la90: "livello superato per il 90 %",
    overload_count: "campioni in sovraccarico", lost_samples: "campioni perduti", measured_time: "tempo misurato", pm1: "polveri PM1", pm2_5: "polveri PM2,5", pm4: "polveri PM4", pm10: "polveri PM10",
    pm1_corrected: "polveri PM1, corrette", pm2_5_corrected: "polveri PM2,5, corrette", pm10_corrected: "polveri PM10, corrette", relative_humidity: "umidità relativa", air_pressure: "pressione atmosferica",
    co2: "anidride carbonica", no2: "biossido di azoto", o3: "ozono", so2: "biossido di zolfo", co: "monossido di carbonio", air_flags: "avvisi sull'aria", fan_hours: "ore della ventola", sensor_life: "vita residua del sensore",
    flood_state: "allagamento", float_switch: "galleggiante", valve_state: "stato della valvola" },
  en: {},
};

const VALUES = {
  sl: { on: "vklopljen", off: "izklopljen", free: "prosto", occupied: "zasedeno", closed: "zaprto", unknown: "neznano", online: "povezan", offline: "ni povezan",
    valid: "veljavno", suspect: "sumljivo", ok: "v redu", warning: "opozorilo", alarm: "alarm", fault: "okvara", estimated: "ocenjeno", substituted: "nadomeščeno",
    open: "odprto", partly_open: "delno odprto", moving: "se premika", timed_out: "ni prispel", dry: "suho", wet: "mokro", rising: "narašča", flooded: "poplavljeno" },
  it: { on: "acceso", off: "spento", free: "libero", occupied: "occupato", closed: "chiuso", unknown: "sconosciuto", online: "connesso", offline: "non connesso",
    valid: "valido", suspect: "sospetto", ok: "in ordine", warning: "avviso", alarm: "allarme", fault: "guasto", estimated: "stimato", substituted: "sostituito",
    open: "aperto", partly_open: "semiaperto", moving: "in movimento", timed_out: "non arrivata", dry: "asciutto", wet: "bagnato", rising: "in aumento", flooded: "allagato" },
  en: {},
};

const WORDS = {
  sl: { skip: "Na seznam", all: "Vsi centri", centers: "Centri", attention: "Zahteva pozornost", chart: "Potek", span: "Časovno obdobje", things: "Stvari",
    thing: "Stvar", quantity: "Veličina", value: "Vrednost", unit: "Enota", age: "Starost", quality: "Kakovost", time: "Čas", as_table: "Zadnje vrednosti kot tabela",
    well: "Vse v redu", ill: "Zbiralnik javlja", live: "v živo", lost: "povezava je prekinjena, poskušam znova", choose: "Izberite veličino",
    devices: "Naprave", offline: "ni povezan", silent: "molči", suspect: "sumljiva vrednost", waiting: "Še ni odčitkov.", no_chart: "Knjižnica za grafe ni nameščena.",
    minutes: "10 min", hour: "1 h", day: "24 h", more: "več", less: "manj", reverse: "povratno", min: "najmanj", max: "največ",
    token: "Žeton", sign_in: "Prijava", sign_out: "Odjava", token_wrong: "Žeton ne velja." },
  it: { skip: "All'elenco", all: "Tutti i centri", centers: "Centri", attention: "Richiede attenzione", chart: "Andamento", span: "Intervallo", things: "Oggetti",
    thing: "Oggetto", quantity: "Grandezza", value: "Valore", unit: "Unità", age: "Età", quality: "Qualità", time: "Ora", as_table: "Ultimi valori in tabella",
    well: "Tutto a posto", ill: "Il collettore segnala", live: "in diretta", lost: "connessione persa, riprovo", choose: "Scegliere una grandezza",
    devices: "Dispositivi", offline: "non connesso", silent: "in silenzio", suspect: "valore sospetto", waiting: "Nessuna lettura ancora.", no_chart: "La libreria dei grafici non è installata.",
    minutes: "10 min", hour: "1 h", day: "24 h", more: "altri", less: "meno", reverse: "inverso", min: "minimo", max: "massimo",
    token: "Token", sign_in: "Accedi", sign_out: "Esci", token_wrong: "Il token non è valido." },
  en: { skip: "To the list", all: "All centers", centers: "Centers", attention: "Needs attention", chart: "Course", span: "Time span", things: "Things",
    thing: "Thing", quantity: "Quantity", value: "Value", unit: "Unit", age: "Age", quality: "Quality", time: "Time", as_table: "Last values as a table",
    well: "All is well", ill: "The collector reports", live: "live", lost: "connection lost, trying again", choose: "Choose a quantity",
    devices: "Devices", offline: "offline", silent: "silent", suspect: "suspect value", waiting: "No readings yet.", no_chart: "The chart library is not installed.",
    minutes: "10 min", hour: "1 h", day: "24 h", more: "more", less: "less", reverse: "reverse", min: "minimum", max: "maximum",
    token: "Token", sign_in: "Sign in", sign_out: "Sign out", token_wrong: "The token does not hold." },
};

const UNITS = { m3: "m³", "m3/h": "m³/h", Cel: "°C", "kW.h": "kWh", "ug/m3": "µg/m³", "[ppm]": "ppm", "dB[SPL]{A}": "dB(A)", "dB{mW}": "dBm", "V.A": "VA",
  "kW.h{var}": "kvarh", "W{var}": "var", deg: "°", By: "B", "{boot}": "", "{message}": "", "{vehicle}": "", "{pulse}": "", "1": "" };

export const LANGUAGES = { sl: "Slovensko", it: "Italiano", en: "English" };

export function speaker(language) {
  const locale = language === "en" ? "en-GB" : language; // a 24-hour clock, as in the city
  const number = new Intl.NumberFormat(locale, { maximumFractionDigits: 6 });
  const clock = new Intl.DateTimeFormat(locale, { dateStyle: "short", timeStyle: "medium", timeZone: "Europe/Ljubljana" });
  const units = ["second", "minute", "hour", "day"].map((unit) => new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay: "narrow" }));
  return {
    language,
    locale,
    say: (key) => WORDS[language][key] ?? key,
    center: (key) => CENTERS[language][key] ?? key,
    // water_volume.t1.s2 -> količina vode · t1 · s2
    quantity: (key, period) => {
      const [name, ...qualifiers] = key.split(".");
      const words = [QUANTITIES[language][name] ?? name.replaceAll("_", " "), ...qualifiers.map((one) => WORDS[language][one] ?? one)];
      if (period) words.push(`${number.format(period / 1000)} s`);
      return words.join(" · ");
    },
    value: (one) => {
      if (Array.isArray(one.value)) return one.value.map((part) => number.format(part)).join(", ");
      if (typeof one.value === "number") return (one.censored ?? "") + number.format(one.value);
      return VALUES[language][one.value] ?? one.value;
    },
    word: (key) => VALUES[language][key] ?? key,
    unit: (ucum) => UNITS[ucum] ?? ucum,
    time: (at) => clock.format(at),
    age: (ms) => {
      const s = Math.max(0, Math.round(ms / 1000));
      if (s < 90) return units[0].format(s);
      if (s < 5400) return units[1].format(Math.round(s / 60));
      if (s < 129600) return units[2].format(Math.round(s / 3600));
      return units[3].format(Math.round(s / 86400));
    },
  };
}
