// Who looks? A token that came with the address, or that a person typed, becomes this browser's cookie.

const ADDRESS = /^#token=(.+)$/;

async function keep(token) {
  const answer = await fetch("/api/session", { method: "POST", headers: { authorization: `Bearer ${token}` } });
  return answer.ok;
}

// Before anything is loaded; the token does not stay in the address.
export async function arrive() {
  const came = ADDRESS.exec(location.hash);
  if (!came) return;
  history.replaceState(null, "", location.pathname + location.search);
  await keep(decodeURIComponent(came[1]));
}

export async function showSession(element, words) {
  const { name } = await (await fetch("/api/me")).json();
  element.replaceChildren();
  if (name) {
    const out = Object.assign(document.createElement("button"), { type: "button", textContent: words.say("sign_out") });
    out.onclick = async () => { await fetch("/api/session", { method: "DELETE" }); location.reload(); };
    element.append(`${name} `, out);
    element.onsubmit = (event) => event.preventDefault();
    return;
  }
  const token = Object.assign(document.createElement("input"), { type: "password", autocomplete: "current-password", required: true, ariaLabel: words.say("token"), placeholder: words.say("token") });
  const send = Object.assign(document.createElement("button"), { textContent: words.say("sign_in") });
  element.append(token, " ", send);
  element.onsubmit = async (event) => {
    event.preventDefault();
    if (await keep(token.value.trim())) location.reload();
    else token.setCustomValidity(words.say("token_wrong")), token.reportValidity(), token.setCustomValidity("");
  };
}
