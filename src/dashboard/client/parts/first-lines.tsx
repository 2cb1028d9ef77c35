import type { ObjectHead } from '../../api/shapes.js';
import { ApiError } from '../api.js';
import type { Desk } from '../desk.js';
import { Component, createRef, h, type VNode } from '../vendor/preact.js';

/** Which object somebody wants to look into. */
export interface WantedLines {
  readonly order: string;
  readonly index: number;
  readonly key: string;
}

interface Given {
  readonly desk: Desk;
  readonly pipeline: string;
  readonly source: string;
  readonly wanted: WantedLines;
  readonly onEnd: () => void;
}

interface State {
  readonly head: ObjectHead | undefined;
  readonly error: string | undefined;
}

/** Shows the first lines of an object. */
export class FirstLines extends Component<Given, State> {
  override state: State = { head: undefined, error: undefined };
  readonly #dialog = createRef<HTMLDialogElement>();

  /** Called when it has come onto the page. */
  override componentDidMount(): void {
    this.#dialog.current?.showModal();
    void this.#read();
  }

  /** Called when it leaves the page: gives the focus back to the button that was pressed. */
  override componentWillUnmount(): void {
    this.#dialog.current?.close();
  }

  /** What it looks like. */
  override render({ wanted, onEnd }: Given, { head, error }: State): VNode {
    return (
      <dialog
        ref={this.#dialog}
        class="broad"
        aria-labelledby="lines-title"
        onCancel={(event) => {
          event.preventDefault();
          onEnd();
        }}
      >
        <h2 id="lines-title">First lines</h2>
        <p class="names">{wanted.key}</p>
        <div role="status">
          {head === undefined && error === undefined && <p class="quiet">Reading …</p>}
          {error !== undefined && <p class="trouble">The object cannot be read: {error}.</p>}
          {head?.text === '' && <p class="empty">The object is empty.</p>}
          {head?.truncated === true && <p class="quiet">The object goes on after these lines.</p>}
        </div>
        {head !== undefined && head.text !== '' && (
          <pre tabIndex={0} role="region" aria-label="First lines">
            {head.text}
          </pre>
        )}
        <div class="buttons">
          <button type="button" class="main" autofocus onClick={onEnd}>
            Close
          </button>
        </div>
      </dialog>
    );
  }

  async #read(): Promise<void> {
    const { desk, pipeline, source, wanted } = this.props;
    const query = { pipeline, source, order: wanted.order, index: wanted.index };
    try {
      this.setState({ head: await desk.api.get<ObjectHead>('object-head', query, ['text']) });
    } catch (error) {
      this.setState({ error: error instanceof ApiError ? error.message : String(error) });
    }
  }
}
