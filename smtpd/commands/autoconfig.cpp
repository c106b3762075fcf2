#include "smtpd/commands/autoconfig.h"

#include <sys/stat.h>

#include <filesystem>
#include <ostream>
#include <vector>

#include "common/base/file.h"
#include "common/base/text.h"
#include "common/config/client_settings.h"
#include "common/mail/address.h"
#include "smtpd/commands/exit_status.h"
#include "smtpd/commands/load_config.h"
#include "smtpd/commands/usage.h"
#include "store/accounts/hosted_domains.h"
#include "store/mailbox/file.h"

namespace pennypost::smtp {
namespace {

constexpr mode_t file_mode = 0644;  // the web server's user reads them
constexpr mode_t directory_mode = 0755;

Result<void> write_file(const std::string& path, const std::string& text) {
  std::string directory = std::filesystem::path(path).parent_path();
  TRY_DO(store::make_directories(directory, directory_mode));
  TRY_DO(store::replace_file(path, path + ".new", text));
  if (::chmod(path.c_str(), file_mode) != 0) return file_error("chmod", path);
  return {};
}

Result<std::vector<std::string>> all_domains(const Config& config) {
  std::vector<std::string> domains{config.mydomain};
  auto hosted = store::HostedDomains::open(config);
  if (!hosted) return domains;  // domains_map is no table of ours
  TRY(auto more, hosted->list());
  for (auto& domain : more) {
    if (domain != config.mydomain) domains.push_back(std::move(domain));
  }
  return domains;
}

Result<void> write_all(const Config& config, std::vector<std::string> domains,
                       const std::string& directory, std::ostream& out) {
  if (client_settings::servers(config).empty()) {
    return Error::permanent(
        "no port of this host offers a login by TLS; set ssl_cert and "
        "smtpd_tls_cert_file, and role = \"destination\"");
  }
  if (domains.empty()) {
    TRY(domains, all_domains(config));
  }
  std::vector<std::pair<std::string, std::string>> files{
      {"/mail/config-v1.1.xml", client_settings::autoconfig(config, domains)},
      {"/.well-known/autoconfig/mail/config-v1.1.xml",
       client_settings::autoconfig(config, domains)},
      {"/autodiscover/autodiscover.xml", client_settings::autodiscover(config, "")}};
  for (const auto& domain : domains) {
    files.emplace_back("/mail/" + domain + ".mobileconfig",
                       client_settings::mobileconfig(config, domain, ""));
  }
  for (const auto& [name, text] : files) {
    TRY_DO(write_file(directory + name, text));
    out << directory << name << "\n";
  }
  return {};
}

}  // namespace

int autoconfig(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  LoadOptions load;
  std::vector<std::string> domains;
  std::string directory;
  for (std::size_t i = 0; i < args.size(); ++i) {
    bool has_value = args[i] == "-c" || args[i] == "--domain";
    bool is_wrong = has_value ? i + 1 == args.size()
                              : args[i].starts_with('-') || args[i].empty() || !directory.empty();
    if (is_wrong) {
      directory.clear();
      break;
    }
    if (args[i] == "-c") {
      load.directory = args[++i];
    } else if (has_value) {
      auto domain = Domain::parse(args[++i], Utf8::Allowed);
      if (!domain || domain->is_literal()) {
        err << "pennypost autoconfig: " << printable(args[i], 100)
            << " is not a domain; write one like example.com\n";
        return ex_usage;
      }
      domains.push_back(domain->key());
    } else {
      directory = args[i];
    }
  }
  if (directory.empty()) {
    err << usage::autoconfig << "\n";
    return ex_usage;
  }
  auto config = load_config(load, err);
  if (!config) return ex_config;
  auto written = write_all(*config, std::move(domains), directory, out);
  if (written) return 0;
  err << "pennypost autoconfig: " << written.error().text() << "\n";
  return ex_failed;
}

}  // namespace pennypost::smtp
