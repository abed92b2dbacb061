// The form for the token.
import { useState } from "preact/hooks";
import { Failure, logIn } from "./client";

/** Login asks for the token, and calls onDone when the server has accepted it. */
export function Login({ onDone }: { onDone: () => void }) {
  const [token, setToken] = useState("");
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError("");
    try {
      await logIn(token);
      onDone();
    } catch (failure) {
      setError(failure instanceof Failure && failure.status === 401 ? "That is not the token of this dynlb." : String((failure as Error).message));
    }
    setBusy(false);
  };
  return (
    <main class="login">
      <form onSubmit={submit}>
        <h1>dynlb</h1>
        <label>Token
          <input type="password" required autoFocus autoComplete="current-password" value={token} aria-describedby="token-help"
            aria-invalid={error ? true : undefined} onInput={(event) => setToken(event.currentTarget.value)} />
        </label>
        <p id="token-help">It is in the file that <code>auth.tokenFile</code> of the config names. This browser keeps a session for 12 hours, not the token.</p>
        {error && <p class="error" role="alert">{error}</p>}
        <div class="buttons"><button type="submit" class="main" disabled={busy}>Log in</button></div>
      </form>
    </main>
  );
}
