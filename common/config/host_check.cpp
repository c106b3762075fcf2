// Checks whether this host has the certificates, accounts and groups that a configuration names.
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "common/base/text.h"
#include "common/base/words.h"
#include "common/config/check.h"

namespace pennypost {
namespace {

/// Checks the files and accounts named in the settings.
class HostChecker {
 public:
  explicit HostChecker(const Config& config) : config_(config) {}

  std::vector<std::string> run(const std::vector<Service>& services) {
    if (std::ranges::any_of(services, is_smtp)) {
      certificate("smtpd_tls_cert_file", "smtpd_tls_key_file");
      for (const char* name : {"smtp_tls_CAfile", "smtp_tls_CApath", "smtpd_tls_CAfile",
                               "smtpd_tls_CApath", "smtp_tls_cert_file", "smtp_tls_key_file"}) {
        readable(name, config_.text(name), "correct the path");
      }
    }
    if (!std::ranges::all_of(services, is_smtp)) certificate("ssl_cert", "ssl_key");
    if (::geteuid() == 0) accounts();
    return std::move(findings_);
  }

 private:
  void error(std::string_view name, const std::string& what) {
    std::string text = config_.where(name) + ": " + std::string(name) + ": " + what;
    if (std::ranges::find(findings_, text) == findings_.end()) findings_.push_back(std::move(text));
  }

  void certificate(std::string_view certificate, std::string_view key) {
    readable(certificate, config_.text(certificate), "make one, or correct the path");
    readable(key, config_.text(key), "make one, or correct the path");
    for (std::size_t s = 0; s < service_count; ++s) {
      auto service = static_cast<Service>(s);
      readable(certificate, config_.text(certificate, service), "make one, or correct the path");
      readable(key, config_.text(key, service), "make one, or correct the path");
    }
  }

  void readable(std::string_view name, const std::string& path, const std::string& remedy) {
    if (path.empty() || ::access(path.c_str(), R_OK) == 0) return;
    std::string problem = std::strerror(errno);
    error(as_written(name, path), path + ": " + problem + "; " + remedy);
  }

  /// The setting to report: smtpd's certificate and that of popd and imapd are each other's
  /// defaults, so this is the one that was set.
  std::string_view as_written(std::string_view name, const std::string& path) const {
    auto is_default = [&](std::string_view which) {
      return config_.where(which).starts_with("default of ");
    };
    if (!is_default(name)) return name;
    for (std::string_view other :
         {"ssl_cert", "ssl_key", "smtpd_tls_cert_file", "smtpd_tls_key_file"}) {
      if (!is_default(other) && config_.text(other) == path) return other;
    }
    return name;
  }

  void accounts() {
    std::vector<std::string_view> names{"mail_owner", "default_login_user", "default_privs",
                                        "virtual_mail_owner"};
    // If system users may log in, auth runs as root; a null client has no auth.
    bool has_auth_user = !config_.system_users && config_.role != Role::NullClient;
    if (has_auth_user) names.push_back("auth_user");
    for (std::string_view name : names) {
      const std::string& user = config_.text(name);
      if (::getpwnam(user.c_str()) == nullptr) {
        error(name, "there is no account \"" + printable(user, 100) +
                        "\"; make it: useradd --system --user-group --no-create-home " +
                        printable(user, 100));
      }
    }
    for (std::string_view name : {"setgid_group", "mail_privileged_group"}) {
      const std::string& group = config_.text(name);
      if (!group.empty() && ::getgrnam(group.c_str()) == nullptr) {
        error(name, "there is no group \"" + printable(group, 100) +
                        "\"; make it: groupadd --system " + printable(group, 100));
      }
    }
    for (const std::string& group : config_.mail_access_groups) {
      if (::getgrnam(group.c_str()) == nullptr) {
        error("mail_access_groups",
              "there is no group \"" + printable(group, 100) + "\"; make it, or leave it out");
      }
    }
  }

  const Config& config_;
  std::vector<std::string> findings_;
};

}  // namespace

std::vector<std::string> check_host(const Config& config, const std::vector<Service>& services) {
  return HostChecker(config).run(services);
}

std::optional<std::string> why_not_here(const Config& config,
                                        const std::vector<Service>& services) {
  if (std::ranges::any_of(services, is_smtp)) return std::nullopt;
  std::string protocol = services.front() == Service::Imap ? "imap" : "pop3";
  if (config.role == Role::NullClient) {
    return config.where("role") + ": role: a null client keeps no mailboxes, so " + protocol +
           " is not served here; set role = \"destination\", or don't start this daemon";
  }
  if (holds(config.protocols, protocol)) return std::nullopt;
  return config.where("protocols") + ": protocols: does not name " + protocol +
         ", so it is not served here; add it, or don't start this daemon";
}

}  // namespace pennypost
