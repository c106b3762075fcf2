#include "smtpd/commands/host_check.h"

#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "common/base/text.h"
#include "common/config/check.h"
#include "common/config/network_tables.h"
#include "common/config/tables.h"
#include "common/net/listener.h"
#include "common/process/ask_as.h"
#include "common/process/directories.h"
#include "common/process/interfaces.h"
#include "common/process/pid_file.h"
#include "common/process/server_tls.h"
#include "smtpd/commands/daemons.h"
#include "smtpd/delivery/pipe_user.h"
#include "smtpd/delivery/quota_warning.h"
#include "smtpd/inbound/named_certificates.h"
#include "smtpd/policy/content_checks.h"
#include "smtpd/policy/key_directory.h"
#include "smtpd/routing/next_hop.h"
#include "smtpd/scheduler/report_templates.h"
#include "store/accounts/accounts.h"
#include "store/accounts/table_check.h"
#include "store/filtering/settings_check.h"
#include "store/mailbox/location.h"
#include "store/maps/network_entries.h"
#include "store/maps/written_values.h"

namespace pennypost::smtp {
namespace {

using Problems = std::vector<std::string>;

void add(Problems& to, Problems more) {
  to.insert(to.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

std::string at(const Config& config, std::string_view name, const std::string& what) {
  return config.where(name) + ": " + std::string(name) + ": " + what;
}

const std::vector<Service>& services_of(const std::string& daemon) {
  return std::ranges::find(all_daemons(), daemon, &Daemon::name)->services;
}

/// The user as whom a process of ours runs; nothing if that is the present user.
std::optional<Identity> user_of(const Config& config, const std::string& parameter) {
  if (!is_root()) return std::nullopt;
  auto identity = Identity::of_user(config.text(parameter), parameter);
  return identity ? std::optional(*std::move(identity)) : std::nullopt;
}

std::optional<Identity> auth_user_of(const Config& config) {
  return config.system_users ? std::nullopt : user_of(config, "auth_user");
}

// Settings, accounts, certificates

Problems settings_of(const CheckedHost& host) {
  Problems problems;
  for (const auto& daemon : host.daemons) {
    LoadOptions options;
    options.directory = host.directory;
    auto own = Config::load(options);
    if (!own) {
      for (auto line : split(own.error().text(), '\n')) problems.emplace_back(line);
      continue;
    }
    add(problems, check_host(**own, services_of(daemon)));
  }
  return problems;
}

/// Which of several equivalent settings the admin has written.
std::string as_written(const Config& config, const std::vector<std::string>& names) {
  for (const auto& name : names) {
    if (!config.where(name).starts_with("default of ")) return name;
  }
  return names.front();
}

/// `prefix`: of the settings to which the error belongs.
std::string client_tls_problem(const Config& config, const std::string& prefix,
                               const Error& error) {
  const std::string& text = error.text();
  std::vector<std::string> names{"CAfile", "CApath"};
  if (text.starts_with("certificate")) names = {"cert_file", "chain_files"};
  if (text.starts_with("private key ")) names = {"key_file"};
  if (text.starts_with("no usable cipher")) names = {"exclude_ciphers"};
  for (auto& name : names) name.insert(0, prefix);
  return at(config, as_written(config, names), text);
}

Problems certificates(const CheckedHost& host) {
  Problems problems;
  for (const auto& daemon : host.daemons) {
    auto contexts =
        server_contexts(*host.config, services_of(daemon), nullptr, read_named_certificates);
    if (contexts) continue;
    const std::string& text = contexts.error().text();
    std::vector<std::string> names{"smtpd_tls_cert_file", "ssl_cert"};
    if (text.starts_with("certificates ")) names.insert(names.begin(), "smtpd_tls_chain_files");
    if (text.starts_with("CA certificates ")) names = {"smtpd_tls_CAfile", "smtpd_tls_CApath"};
    if (text.starts_with("no usable cipher")) names = {"smtpd_tls_exclude_ciphers"};
    if (text.starts_with("private key ")) names = {"smtpd_tls_key_file", "ssl_key"};
    if (!is_smtp(services_of(daemon).front())) std::ranges::reverse(names);
    problems.push_back(at(*host.config, as_written(*host.config, names), text));
  }
  auto client = client_contexts(*host.config);
  if (!client) problems.push_back(client_tls_problem(*host.config, "smtp_tls_", client.error()));
  if (!client) return problems;
  auto lmtp = lmtp_contexts(*host.config, *client);
  if (!lmtp) problems.push_back(client_tls_problem(*host.config, "lmtp_tls_", lmtp.error()));
  for (const auto& [name, transport] : host.config->transports()) {
    if (!transport.is_client()) continue;
    auto contexts = client_contexts(*host.config->as_transport(name));
    if (contexts) continue;
    problems.push_back(transport.where + ": transport." + name + ": " + contexts.error().text());
  }
  return problems;
}

// Tables

/// The file that is opened to read the table; empty if the table is not a file.
std::string file_of(const TableRef& table) {
  if (table.type == "hash") return table.name + ".rdb/CURRENT";
  return table.name.starts_with('/') ? table.name : "";
}

/// What must change so that the user `name` can read the table; empty if its permissions are right.
std::string remedy_of(const TableRef& table, const std::string& name) {
  std::string part = unreadable_part(file_of(table));
  if (part.empty()) return "";
  bool is_hash = table.type == "hash";
  bool is_directory = std::filesystem::is_directory(part) && part != table.name + ".rdb";
  std::string remedy = "; it is read as user " + name;
  if (is_directory) return remedy + ", who may not search " + part + ": chmod o+x " + part;
  std::string build = "postmap " + table.name;
  std::string directory = std::filesystem::path(table.name).parent_path().string();
  // In such a directory, root's postmap makes the table readable for that user.
  if (is_hash && !who_may_change(directory, Groups::Strangers)) return remedy + ": " + build;
  remedy += ": chgrp " + name + " " + table.name + "; chmod g+r " + table.name;
  return is_hash ? remedy + "; " + build : remedy;
}

enum class Reader { Lookup, Auth };

Problems tables_as(const Config& config, const std::optional<Identity>& identity, Reader reader) {
  Problems problems;
  for (const auto& named : tables_in(config)) {
    bool is_for_auth = named.parameter == "credentials_map";
    if (is_for_auth != (reader == Reader::Auth)) continue;
    auto problem = store::problem_of(config, named);
    if (problem.empty()) continue;
    if (identity) problem += remedy_of(named.table, identity->name);
    problems.push_back(std::move(problem));
  }
  return problems;
}

/// What is wrong with the transport in `transport:destination`; empty if it exists, or depends on a
/// pattern's groups.
std::string transport_problem(const Config& config, std::string_view text) {
  std::string name = TransportName::parse(text).name;
  bool is_known = name.empty() || name.find('$') != name.npos || config.is_transport(name);
  return is_known ? std::string() : no_transport(config, name);
}

/// Errors in header_checks, body_checks and the others, which smtpd would only log when a message
/// matches.
Problems header_actions(const Config& config) {
  Problems problems;
  for (const auto& named : tables_in(config)) {
    auto setting = content_checked_by(named.parameter);
    if (!setting) continue;
    auto values = store::written_values(named.table);
    if (!values) continue;  // reported with the tables
    for (const auto& [where, value] : *values) {
      auto action = ContentAction::parse(value, setting->of, ContentAction::Form::Written);
      auto fits = action ? action->check_scope(setting->scope) : action.error();
      std::string problem = fits ? std::string() : fits.error().text();
      bool is_filter = fits && action->kind == ContentAction::Kind::Filter;
      if (is_filter) problem = transport_problem(config, action->text);
      if (is_filter && !problem.empty()) problem = "FILTER " + action->text + ": " + problem;
      if (problem.empty()) continue;
      problems.push_back(named.where + ": " + named.parameter + ": " + where + ": " + problem);
    }
  }
  return problems;
}

/// The transports in tables; mail for one that does not exist waits.
Problems named_transports(const Config& config) {
  constexpr std::array<std::string_view, 3> of_transports{
      "transport_maps", "mailbox_transport_maps", "fallback_transport_maps"};
  Problems problems;
  for (const auto& named : tables_in(config)) {
    if (std::ranges::find(of_transports, named.parameter) == of_transports.end()) continue;
    auto values = store::written_values(named.table);
    if (!values) continue;  // reported with the tables
    for (const auto& [where, value] : *values) {
      auto problem = transport_problem(config, value);
      if (problem.empty()) continue;
      problems.push_back(named.where + ": " + named.parameter + ": " + where + ": " + problem);
    }
  }
  return problems;
}

/// What the master would say of the users in [transport.NAME] when mail comes.
Problems pipe_users(const Config& config) {
  Problems problems;
  if (!is_root()) return problems;
  for (const auto& [name, transport] : config.transports()) {
    if (transport.kind != TransportKind::Pipe) continue;
    auto identity = pipe_identity(config, transport);
    if (!identity) problems.push_back(identity.error().text());
  }
  return problems;
}

Problems own_users(const std::shared_ptr<const Config>& config) {
  auto warnings = QuotaWarning::parse_all(config->quota_warning);
  if (!warnings) return {config->where("quota_warning") + ": " + warnings.error().text()};
  store::MapOptions options;
  auto accounts = store::Accounts::open(config, store::system_users_of(*config), options);
  if (!accounts) return {accounts.error().text()};
  if (config->users_map.empty()) return {};
  auto users = store::Map::open(config->users_map, store::of_own_table(options));
  if (!users) return {};  // reported with the tables
  Problems problems;
  auto read = (*users)->each([&](std::string_view name, std::string_view) {
    auto account = accounts->by_name(name);
    if (account) return;
    problems.push_back(account.error().text());
  });
  return problems;
}

Problems tables(const CheckedHost& host) {
  const Config& config = *host.config;
  auto lookup = user_of(config, "mail_owner");
  auto problems = ask_as(lookup, [&] { return tables_as(config, lookup, Reader::Lookup); });
  add(problems, ask_as(lookup, [&] { return header_actions(config); }));
  add(problems, ask_as(lookup, [&] { return named_transports(config); }));
  add(problems, pipe_users(config));
  add(problems, ask_as(lookup, [&] { return own_users(host.config); }));
  if (config.role == Role::NullClient) return problems;
  auto auth = auth_user_of(config);
  add(problems, ask_as(auth, [&] { return tables_as(config, auth, Reader::Auth); }));
  return problems;
}

/// The texts of reports are read by the queue.
Problems bounce_templates(const CheckedHost& host) {
  const Config& config = *host.config;
  return ask_as(user_of(config, "mail_owner"), [&]() -> Problems {
    auto loaded = load_templates(config.bounce_template_file);
    if (loaded) return {};
    return {at(config, "bounce_template_file", loaded.error().text())};
  });
}

/// Keys that can't be used for signing.
Problems signing_keys(const CheckedHost& host) {
  const Config& config = *host.config;
  if (!config.dkim_signing) return {};
  return ask_as(user_of(config, "mail_owner"), [&]() -> Problems {
    KeyDirectory directory(config.dkim_key_directory);
    auto domains = directory.domains();
    if (!domains) return {at(config, "dkim_key_directory", domains.error().text())};
    Problems problems;
    for (const auto& domain : *domains) {
      auto kept = directory.read(domain);
      if (!kept) problems.push_back(at(config, "dkim_key_directory", kept.error().text()));
      if (!kept) continue;
      for (const auto& problem : kept->problems) {
        problems.push_back(at(config, "dkim_key_directory", problem));
      }
    }
    return problems;
  });
}

// Ports

/// The Unix socket of a service: its directory, its user and group.
Problems socket_problem(const ListeningService& service) {
  std::string section = "service." + service.name;
  auto access = access_of(*service.socket, section);
  if (!access) return {service.where + ": " + access.error().text()};
  std::string directory = std::filesystem::path(service.socket->path).parent_path();
  if (::access(directory.c_str(), W_OK | X_OK) == 0) return {};
  return {service.where + ": " + section + ".socket: " + directory + ": " + std::strerror(errno) +
          "; make the directory, writable for who runs smtpd"};
}

/// A port in use by the running daemon is no problem; at a reload the daemon itself says whether it
/// can have another.
Problems ports(const CheckedHost& host) {
  Problems problems;
  for (const auto& daemon : host.daemons) {
    bool runs = PidFile::running(host.config->base_dir, daemon).has_value();
    for (const auto& service : host.config->listening(services_of(daemon))) {
      if (service.socket != nullptr) add(problems, socket_problem(service));
      if (service.port == 0) continue;
      auto addresses =
          listen_addresses(service.settings->inet_interfaces, host.config->inet_protocols);
      if (!addresses) {
        problems.push_back(host.config->where("inet_interfaces") + ": " + addresses.error().text());
        continue;
      }
      for (const auto& [address, is_implied] : *addresses) {
        auto socket = listen_tcp(Endpoint(address, service.port));
        bool is_missing = errno == EADDRNOTAVAIL || errno == EAFNOSUPPORT;
        if (socket || (is_implied && is_missing) || (runs && errno == EADDRINUSE)) continue;
        const std::string& text = socket.error().text();
        if (is_missing) {
          problems.push_back(at(*host.config, "inet_interfaces", text));
        } else {
          bool is_own = !parse_service(service.name);
          std::string name = is_own ? "service." + service.name + ".port" : service.name + "_port";
          problems.push_back(service.where + ": " + name + ": " + text);
        }
      }
    }
  }
  return problems;
}

// Directories

struct Directory {
  std::string parameter;
  std::string owner;  // the parameter with the user who writes to it; empty: root, or us
};

/// What is wrong with a directory; runs as the user who will use it.
Problems directory_problem(const Config& config, const Directory& directory) {
  const std::string& path = config.text(directory.parameter);
  std::error_code failed;
  auto wrong = [&](const std::string& what) {
    return Problems{at(config, directory.parameter, what)};
  };
  if (std::filesystem::exists(path, failed)) {
    if (!std::filesystem::is_directory(path, failed)) return wrong(path + " is not a directory");
    if (::access(path.c_str(), W_OK | X_OK) == 0) return {};
    return wrong(path + ": " + std::strerror(errno) + "; " +
                 (directory.owner.empty() ? "it must be writable"
                                          : "it must belong to " + directory.owner + ": chown " +
                                                config.text(directory.owner) + " " + path));
  }
  auto part = unreadable_part(path);
  if (!part.empty()) {
    return wrong(directory.owner + " may not search " + part + "; chmod o+x " + part);
  }
  return {};
}

/// Why the master could not create the directory, if it does not exist.
Problems unmakeable(const Config& config, const std::string& parameter) {
  std::filesystem::path path = config.text(parameter);
  std::error_code failed;
  while (path.has_relative_path() && !std::filesystem::exists(path, failed)) {
    path = path.parent_path();
  }
  if (!std::filesystem::is_directory(path, failed)) {
    return {at(config, parameter, path.string() + " is not a directory")};
  }
  if (path == config.text(parameter) || ::access(path.c_str(), W_OK | X_OK) == 0) return {};
  return {at(config, parameter,
             config.text(parameter) + " can't be created: " + path.string() + ": " +
                 std::strerror(errno))};
}

Problems directories(const CheckedHost& host) {
  const Config& config = *host.config;
  std::vector<Directory> needed{{"base_dir", ""}, {"queue_directory", ""}, {"empty_directory", ""}};
  bool has_mailboxes = config.role != Role::NullClient;
  if (has_mailboxes) {
    needed.push_back({"data_directory", ""});
    needed.push_back({"virtual_mailbox_base", "virtual_mail_owner"});
    needed.push_back({"index_directory", "virtual_mail_owner"});
    bool serves_imap = std::ranges::any_of(host.daemons, [](const auto& daemon) {
      return services_of(daemon).front() == Service::Imap;
    });
    if (serves_imap) {
      needed.push_back({"mail_temp_dir", "virtual_mail_owner"});
    }
    bool uses_spool = config.system_users &&
                      config.mail_location.find(config.mail_spool_directory) != std::string::npos;
    if (uses_spool) needed.push_back({"mail_spool_directory", ""});
  }
  Problems problems;
  for (const auto& directory : needed) {
    if (config.text(directory.parameter).empty()) continue;
    auto made = unmakeable(config, directory.parameter);
    bool is_makeable = made.empty();
    add(problems, std::move(made));
    if (!is_makeable) continue;
    auto owner = directory.owner.empty() ? std::nullopt : user_of(config, directory.owner);
    add(problems, ask_as(owner, [&] { return directory_problem(config, directory); }));
  }
  return problems;
}

/// What of Dovecot's locations is not known here, before a login meets it.
Problems mail_locations(const CheckedHost& host) {
  const Config& config = *host.config;
  if (config.role == Role::NullClient) return {};
  constexpr std::string_view usual = "mail_location";
  Problems problems;
  auto check = [&](std::string_view parameter, const std::string& location) {
    auto checked = store::MailLocation::check(location);
    if (checked) return;
    auto why = checked.error().text();
    if (why.starts_with(usual)) why.replace(0, usual.size(), parameter);
    problems.push_back(config.where(parameter) + ": " + why);
  };
  if (config.system_users) check(usual, config.mail_location);
  if (!config.users_map.empty()) check("virtual_mail_location", config.virtual_mail_location);
  return problems;
}

Problems log_file(const CheckedHost& host) {
  const Config& config = *host.config;
  if (config.maillog_file.empty()) return {};
  std::filesystem::path path = config.maillog_file;
  std::error_code failed;
  if (std::filesystem::is_directory(path, failed)) {
    return {at(config, "maillog_file", path.string() + " is a directory; name a file")};
  }
  auto needed = std::filesystem::exists(path, failed) ? path : path.parent_path();
  if (::access(needed.c_str(), W_OK) == 0) return {};
  return {at(config, "maillog_file", needed.string() + ": " + std::strerror(errno))};
}

/// Tables in lists of networks are read when a daemon starts.
Problems networks(const CheckedHost& host) {
  auto read = with_networks_read(host.config, store::networks_of);
  return read ? Problems() : Problems{read.error().text()};
}

}  // namespace

std::vector<std::string> find_problems(const CheckedHost& host) {
  auto problems = settings_of(host);
  add(problems, certificates(host));
  add(problems, tables(host));
  add(problems, bounce_templates(host));
  add(problems, networks(host));
  add(problems, ports(host));
  add(problems, directories(host));
  add(problems, mail_locations(host));
  add(problems, log_file(host));
  std::ranges::sort(problems);
  problems.erase(std::unique(problems.begin(), problems.end()), problems.end());
  return problems;
}

// Installation

namespace {

/// While smtpd does not run, sendmail leaves mail with postdrop, which needs its group to write.
Problems postdrop(const Config& config) {
  std::string program = config.command_directory + "/postdrop";
  struct stat status {};
  if (::stat(program.c_str(), &status) != 0) {
    return {at(config, "command_directory",
               program + ": " + std::strerror(errno) +
                   "; without it nobody can send while smtpd does not run: install -g " +
                   config.setgid_group + " -m 2755 postdrop " + config.command_directory)};
  }
  const group* drop = ::getgrnam(config.setgid_group.c_str());
  if (drop == nullptr) return {};  // reported with the accounts
  bool is_right = status.st_gid == drop->gr_gid && (status.st_mode & S_ISGID) != 0;
  if (is_right) return {};
  return {at(config, "setgid_group",
             program + " is not set-gid " + config.setgid_group +
                 ", so that nobody can send while smtpd does not run: chgrp " +
                 config.setgid_group + " " + program + "; chmod 2755 " + program)};
}

/// Everybody's sendmail reads main.toml.
Problems readable_by_all(const std::string& directory) {
  Problems problems;
  std::string file = directory + "/main.toml";
  struct stat status {};
  for (const auto& [path, bit, word] :
       {std::tuple(directory, mode_t{S_IXOTH}, "o+x"), std::tuple(file, mode_t{S_IROTH}, "o+r")}) {
    if (::stat(path.c_str(), &status) != 0 || (status.st_mode & bit) != 0) continue;
    problems.push_back(path +
                       ": other users may not read it, so that their sendmail fails: chmod " +
                       std::string(word) + " " + path);
  }
  return problems;
}

}  // namespace

std::vector<std::string> find_install_problems(const CheckedHost& host) {
  auto problems = signing_keys(host);
  add(problems, store::sieve_problems(*host.config));
  if (!is_root()) return problems;
  add(problems, postdrop(*host.config));
  add(problems, readable_by_all(host.directory));
  return problems;
}

}  // namespace pennypost::smtp
