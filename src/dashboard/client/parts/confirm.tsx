import { ApiError } from '../api.js';
import type { Question } from '../desk.js';
import { Component, createRef, h, type VNode } from '../vendor/preact.js';

/** The API takes no longer ones. */
const LONGEST_REASON = 1000;

interface Given {
  readonly question: Question;
  /** Called at the end, with how it went unless it was called off. */
  readonly onEnd: (outcome?: string) => void;
}

interface State {
  readonly isBusy: boolean;
  readonly error: string | undefined;
}

/** Asks for a confirmation, does what was confirmed, and stays with what went wrong. */
export class Confirm extends Component<Given, State> {
  override state: State = { isBusy: false, error: undefined };
  readonly #dialog = createRef<HTMLDialogElement>();
  readonly #reason = createRef<HTMLInputElement>();

  /** Called when it has come onto the page. */
  override componentDidMount(): void {
    this.#dialog.current?.showModal();
  }

  /** Called when it leaves the page: gives the focus back to the button that was pressed. */
  override componentWillUnmount(): void {
    this.#dialog.current?.close();
  }

  /** What it looks like. */
  override render({ question }: Given, { isBusy, error }: State): VNode {
    return (
      <dialog
        ref={this.#dialog}
        aria-labelledby="confirm-title"
        aria-describedby="confirm-text"
        onCancel={(event) => {
          event.preventDefault();
          if (!isBusy) this.props.onEnd();
        }}
      >
        <form
          onSubmit={(event) => {
            event.preventDefault();
            void this.#act();
          }}
        >
          <h2 id="confirm-title">{question.title}</h2>
          <p id="confirm-text">{question.text}</p>
          {question.asksReason && (
            <label class="field">
              Reason
              <input
                ref={this.#reason}
                name="reason"
                maxLength={LONGEST_REASON}
                autocomplete="off"
                required
                autofocus
              />
            </label>
          )}
          {error !== undefined && (
            <p class="trouble" role="alert">
              That did not work: {error}.
            </p>
          )}
          <div class="buttons">
            <button
              type="button"
              disabled={isBusy}
              onClick={() => {
                this.props.onEnd();
              }}
            >
              Cancel
            </button>
            <button
              type="submit"
              class={question.isGrave ? 'grave' : 'main'}
              aria-disabled={isBusy}
              autofocus={!question.asksReason}
            >
              {isBusy ? 'One moment …' : question.verb}
            </button>
          </div>
        </form>
      </dialog>
    );
  }

  async #act(): Promise<void> {
    if (this.state.isBusy) return;
    this.setState({ isBusy: true, error: undefined });
    try {
      this.props.onEnd(await this.props.question.act(this.#reason.current?.value.trim() ?? ''));
    } catch (error) {
      this.setState({ isBusy: false, error: error instanceof ApiError ? error.message : String(error) });
    }
  }
}
