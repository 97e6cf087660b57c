-- Prosody beside its peers. {braces} are filled in by `load compare`.
pidfile = "{folder}/pid"
data_path = "{folder}/data"
run_as_root = true
daemonize = false
interfaces = { "127.0.0.1" }
c2s_ports = { {plain} }
c2s_direct_tls_ports = { {tls} }
c2s_require_encryption = false

-- The incremental collector that is shipped as the default costs two to three times the CPU time per message.
gc = { mode = "generational" }
network_backend = "epoll"
network_settings = { tcp_backlog = 1024 }

modules_enabled = {
    "roster", "saslauth", "tls", "disco", "carbons", "pep", "smacks", "blocklist", "ping", "register", {archive}
}
modules_disabled = { "s2s", "limits", "posix" }

storage = "internal"
authentication = "internal_hashed"
password_hash = "SHA-256"
default_iteration_count = 4096
allow_registration = true
archive_expires_after = "never"

ssl = {
    certificate = "{folder}/certificate.pem",
    key = "{folder}/key.pem",
}
c2s_direct_tls_ssl = ssl
log = { { levels = { min = "warn" }, to = "file", filename = "{folder}/log" } }

VirtualHost "localhost"

Component "rooms.localhost" "muc"
    modules_disabled = { "s2s" }
