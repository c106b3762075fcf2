// Prepares what a daemon's processes start with: certificates, bound ports, files that are read
// before a chroot, and the privileges of each kind of process. Members of Master.
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <fstream>

#include "common/base/text.h"
#include "common/config/check.h"
#include "common/process/ask_as.h"
#include "common/process/directories.h"
#include "common/process/interfaces.h"
#include "common/process/mail_rights.h"
#include "common/process/master_process.h"
#include "common/process/server_tls.h"

namespace pennypost {
namespace {

constexpr std::size_t prepared_file_bytes_max = 1 << 20;

std::string read_small_file(const std::string& path) {
  std::ifstream file(path);
  std::string bytes(prepared_file_bytes_max, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  bytes.shrink_to_fit();
  return bytes;
}

/// Nobody but root may be able to put anything into the chroot of an unprivileged process.
Result<void> prepare_empty_directory(const std::string& path) {
  TRY_DO(prepare_directory(path, 0755, nullptr, "empty_directory"));
  auto stranger = is_root() ? who_may_change(path, Groups::Trusted) : std::optional<OpenToOthers>();
  if (!stranger) return {};
  return Error::permanent(
      "empty_directory = " + path + ": " + stranger->reason +
      "; it and all directories above it must belong to root (chown root, chmod "
      "go-w), or set another");
}

}  // namespace

Result<std::shared_ptr<const Prepared>> Master::prepare(const Config& config) const {
  std::vector<std::string> lacks = check_host(config, spec_.services);
  if (!lacks.empty()) return Error(configuration_code, join(lacks, "\n"));
  TRY_DO(prepare_empty_directory(config.empty_directory));
  if (spec_.prepare) {
    TRY_DO(spec_.prepare(config));
  }
  auto prepared = std::make_shared<Prepared>();
  TRY(prepared->tls, server_contexts(config, spec_.services, tickets_, spec_.read_names));
  if (spec_.is_tls_client) {
    TRY(prepared->client_tls, client_contexts(config));
    TRY(prepared->lmtp_tls, lmtp_contexts(config, prepared->client_tls));
    for (const auto& [name, transport] : config.transports()) {
      if (!transport.is_client()) continue;
      TRY(prepared->transport_tls[name], client_contexts(*config.as_transport(name)));
    }
  }
  for (const char* path : {"/etc/resolv.conf", "/etc/hosts"}) {
    prepared->files[path] = read_small_file(path);
  }
  TlsContext::prepare_for_chroot();
  return std::shared_ptr<const Prepared>(std::move(prepared));
}

const Master::Bound* Master::find_bound(std::string_view service, const Endpoint& endpoint) const {
  if (!now_) return nullptr;
  auto found = std::ranges::find_if(now_->bound, [&](const Bound& entry) {
    return entry.name == service && entry.endpoint == endpoint && entry.descriptor;
  });
  return found == now_->bound.end() ? nullptr : &*found;
}

Result<void> Master::bind_listeners(const Config& config, std::list<Bound>& bound) const {
  for (const auto& service : config.listening(spec_.services)) {
    if (service.socket != nullptr) {
      TRY_DO(bind_socket(service, bound));
    }
    if (service.port == 0) continue;
    TRY_DO(bind_service(service, config, bound));
  }
  return {};
}

/// A socket that we listen on already stays, with the permissions that it has now.
Result<void> Master::bind_socket(const ListeningService& service, std::list<Bound>& bound) const {
  const ServiceSocket& socket = *service.socket;
  std::string about = service.name + ": ";
  TRY(auto access, access_of(socket, "service." + service.name));
  const Bound* old = nullptr;
  if (now_) {
    for (const auto& entry : now_->bound) {
      if (entry.path == socket.path && entry.descriptor) old = &entry;
    }
  }
  Descriptor descriptor;
  if (old != nullptr) {
    auto given = give_access(socket.path, access);
    if (!given) return Error::permanent(about + given.error().text());
    descriptor = Descriptor(fcntl(old->descriptor.number(), F_DUPFD_CLOEXEC, 3));
  } else {
    auto made = listen_unix(socket.path, access);
    if (!made) return Error::permanent(about + made.error().text());
    descriptor = *std::move(made);
  }
  Endpoint none(IpAddress::loopback4(), 0);
  bound.push_back({service.name, service.kind, none, std::move(descriptor), socket.path});
  return {};
}

/// Removes the files of Unix sockets, but for those that another generation has as well.
void Master::remove_sockets(const Generation& of, const Generation* kept) {
  for (const auto& entry : of.bound) {
    bool is_kept = kept != nullptr && std::ranges::any_of(kept->bound, [&](const Bound& other) {
                     return other.path == entry.path;
                   });
    if (!entry.path.empty() && !is_kept) remove_socket(entry.path);
  }
}

Result<void> Master::bind_service(const ListeningService& service, const Config& config,
                                  std::list<Bound>& bound) const {
  TRY(auto addresses, listen_addresses(service.settings->inet_interfaces, config.inet_protocols));
  std::size_t count = 0;
  for (const auto& [address, is_implied] : addresses) {
    Endpoint endpoint(address, service.port);
    if (const Bound* old = find_bound(service.name, endpoint)) {
      bound.push_back({service.name, service.kind, endpoint,
                       Descriptor(fcntl(old->descriptor.number(), F_DUPFD_CLOEXEC, 3))});
      ++count;
      continue;
    }
    auto descriptor = listen_tcp(endpoint);
    if (!descriptor) {
      bool is_missing = errno == EADDRNOTAVAIL || errno == EAFNOSUPPORT;
      if (is_implied && is_missing) continue;
      return Error::permanent(service.name + ": " + descriptor.error().text());
    }
    bound.push_back({service.name, service.kind, endpoint, *std::move(descriptor)});
    ++count;
  }
  if (count == 0) {
    return Error::permanent(service.name + ": no address of inet_interfaces exists on this host");
  }
  return {};
}

Result<std::shared_ptr<Master::Generation>> Master::make_generation(
    std::shared_ptr<const Config> config) const {
  auto made = std::make_shared<Generation>();
  made->warnings = config->warnings();
  if (spec_.read_networks) {
    // The master opens no database: its library would make threads, which the signals could reach.
    auto read = with_networks_read(std::move(config), [this](const TableRef& table) {
      return ask_apart([&] { return spec_.read_networks(table); });
    });
    if (!read) return Error(configuration_code, read.error().text());
    config = *std::move(read);
  }
  made->certificate_stamp = certificate_stamp(*config);
  TRY(made->prepared, prepare(*config));
  auto binding = bind_listeners(*config, made->bound);
  if (!binding) {
    remove_sockets(*made, now_.get());
    return std::move(binding).error();
  }
  made->config = std::move(config);
  return made;
}

Result<Privileges> Master::privileges(const Config& config, const Kind& kind,
                                      const Identity* identity) const {
  Privileges keep;
  keep.no_network = kind.no_network;
  keep.no_files = kind.no_files;
  if (kind.read_only) keep.readable_only = {"/"};
  if (kind.writes) keep.writable = kind.writes(config);
  Calls calls = kind.calls;
  // PAM's modules are chosen by the admin, and may start programs.
  if (kind.user == Kind::User::AuthUser && config.system_users) calls = Calls::RunPrograms;
  if (kind.runs_programs && kind.runs_programs(config)) calls = Calls::RunPrograms;
  keep.no_signals = !has(calls, Calls::RunPrograms);
  if (config.seccomp_filter) keep.calls = calls;
  if (!is_root()) return keep;
  switch (kind.user) {
    case Kind::User::NullUser: {
      TRY(keep.identity, Identity::of_user(config.default_login_user, "default_login_user"));
      break;
    }
    case Kind::User::MailOwner: {
      TRY(keep.identity, Identity::of_user(config.mail_owner, "mail_owner"));
      break;
    }
    case Kind::User::AuthUser: {
      // Stays root if system users may log in, since PAM reads /etc/shadow.
      if (config.system_users) break;
      TRY(keep.identity, Identity::of_user(config.auth_user, "auth_user"));
      break;
    }
    case Kind::User::Keeper:
      break;
    case Kind::User::Program: {
      ASSERT(identity != nullptr);
      keep.identity = *identity;
      break;
    }
    case Kind::User::Account: {
      ASSERT(identity != nullptr);
      TRY(auto rights, mail_rights(config, *identity));
      keep.identity = std::move(rights.identity);
      keep.saved_group = rights.saved_group;
      break;
    }
  }
  if (kind.no_files) keep.chroot = config.empty_directory;
  return keep;
}

}  // namespace pennypost
