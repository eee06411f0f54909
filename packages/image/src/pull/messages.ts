import type { ProgressMessage } from "@berth/api";
import { encoded } from "@berth/base";
import type { Descriptor } from "@berth/spec";
import { progressMessage } from "../progress.ts";
import type { LayerNews } from "./layer.ts";

/** Milliseconds between two messages of progress of one layer. */
const PACE = 100;

export function plain(id: string, status: string): ProgressMessage {
  return { status, progressDetail: {}, id };
}

/** How a layer is called in messages. */
export function layerName({ digest }: Pick<Descriptor, "digest">): string {
  return encoded(digest).slice(0, 12);
}

/** Turns what is told of a layer into Docker's messages, not more often than they can be read. */
export function layerMessages(
  id: string,
  send: (message: ProgressMessage) => void,
): (news: LayerNews) => void {
  let last = 0;
  let step = "";
  return (news) => {
    const isNew = news.step !== step;
    step = news.step;
    switch (news.step) {
      case "downloading":
      case "extracting": {
        const now = Date.now();
        if (!isNew && now - last < PACE && news.current < news.total) return;
        last = now;
        const status = news.step === "downloading" ? "Downloading" : "Extracting";
        return send(progressMessage(id, status, news.current, news.total));
      }
      case "waiting":
        return isNew ? send(plain(id, "Waiting")) : undefined;
      case "downloaded":
        send(plain(id, "Verifying Checksum"));
        return send(plain(id, "Download complete"));
      case "retrying":
        return send(plain(id, `Retrying in ${news.seconds} second${news.seconds === 1 ? "" : "s"}`));
      default:
        return undefined;
    }
  };
}
