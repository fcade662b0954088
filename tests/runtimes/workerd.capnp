using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "main", worker = .tests),
    (name = "internet", network = (allow = ["private", "local"])),
  ],
);

const tests :Workerd.Worker = (
  modules = [(name = "tests", esModule = embed "../../dist/together/tests.js")],
  compatibilityDate = "2026-01-01",
);
