/** Whose request it is. */
import type { Authorization } from "./http/authorization.ts";
import { commonError } from "./errors.ts";

/** A key that requests are signed with. */
export interface EmulatorKey {
  /** Its secret. */
  secretAccessKey: string;
  /** The account that it belongs to, twelve digits. Default: that of the emulator. */
  accountId?: string;
}

/** Who asks, and where. */
export interface Identity {
  /** The account. */
  readonly account: string;
  /** The region. */
  readonly region: string;
  /** The secret to verify the signature with, where it is verified. */
  readonly secretAccessKey?: string;
}

/** Where there is no signature, and whose keys there are. */
export interface IdentityOptions {
  /** Of requests without a signature. */
  readonly region: string;
  /** Of keys that name no account. */
  readonly accountId: string;
  /** By their ids. Any key is taken where there are none. */
  readonly keys: Readonly<Record<string, EmulatorKey>> | undefined;
}

/** What needs no signature: the links in the posts of SNS. */
const UNSIGNED = ["ConfirmSubscription", "Unsubscribe"];

/**
 * Tells who signed a request. A key whose id is twelve digits names its account itself.
 *
 * @throws {RequestError} `MissingAuthenticationToken`, `InvalidClientTokenId`
 */
export function identify(
  authorization: Authorization | undefined,
  action: string,
  { region, accountId, keys }: IdentityOptions,
): Identity {
  if (!authorization) {
    if (UNSIGNED.includes(action)) return { region, account: accountId };
    throw commonError("MissingAuthenticationToken", "Request is missing Authentication Token");
  }
  const { accessKeyId } = authorization;
  const own = /^\d{12}$/.test(accessKeyId) ? accessKeyId : accountId;
  if (keys === undefined) return { region: authorization.region, account: own };
  const key = Object.hasOwn(keys, accessKeyId) ? keys[accessKeyId] : undefined;
  if (!key) {
    throw commonError(
      "InvalidClientTokenId",
      "The security token included in the request is invalid.",
    );
  }
  const { secretAccessKey, accountId: account = accountId } = key;
  return { region: authorization.region, account, secretAccessKey };
}
