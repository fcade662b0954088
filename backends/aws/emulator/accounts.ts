/** The signer of a request. */
import type { Authorization } from "./http/authorization.ts";
import { commonError } from "./errors.ts";

/** A key that requests are signed with. */
export interface EmulatorKey {
  /** The secret of the key. */
  secretAccessKey: string;
  /** The account of the key, twelve digits. Default: the account of the emulator. */
  accountId?: string;
}

/** The account and region of a request. */
export interface Identity {
  /** The account. */
  readonly account: string;
  /** The region. */
  readonly region: string;
  /** The secret to verify the signature with, where it is verified. */
  readonly secretAccessKey?: string;
}

/** Keys, and the account and region of requests without them. */
export interface IdentityOptions {
  /** The region of requests without a signature. */
  readonly region: string;
  /** The account of keys that name no account. */
  readonly accountId: string;
  /** The keys by id. Without keys, any key is accepted. */
  readonly keys: Readonly<Record<string, EmulatorKey>> | undefined;
}

/** Actions without a signature: the links in the posts of SNS. */
const UNSIGNED = ["ConfirmSubscription", "Unsubscribe"];

/**
 * Tells the signer of a request. A key with an id of twelve digits names an account.
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
