#include "smtpd/commands/doctor_host.h"

#include <sys/statvfs.h>
#include <sys/timex.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "common/base/text.h"
#include "common/config/check.h"
#include "common/process/pid_file.h"
#include "smtpd/commands/daemons.h"
#include "smtpd/commands/host_check.h"
#include "smtpd/commands/postqueue.h"
#include "smtpd/commands/queue_access.h"

namespace pennypost::smtp {
namespace {

constexpr std::int64_t day_seconds = 86'400;
constexpr std::int64_t certificate_warning_days = 21;
constexpr std::int64_t certificate_problem_days = 7;
constexpr std::uint64_t free_warning_percent = 10;
constexpr std::uint64_t free_problem_percent = 3;
constexpr std::int64_t waiting_warning_seconds = 4 * 3600;
constexpr std::size_t destinations_max = 10;

/// What a reason says in passing, and what helps. The first that fits counts.
struct Remedy {
  std::string_view part;  // of the reason, in lower case
  std::string_view text;
};
constexpr std::array remedies{
    Remedy{"connection timed out",
           "see whether this network lets port 25 out; many providers close "
           "it until asked, or want a relayhost"},
    Remedy{"connection refused",
           "the other server is down, or this network is not let in; it is "
           "tried again"},
    Remedy{"network is unreachable",
           "this host has no way there: inet_protocols = ipv4 if it has no "
           "IPv6"},
    Remedy{"no route to host", "this host has no way there; look at its network"},
    Remedy{"host or domain name not found",
           "see that the domain is written right, and that DNS "
           "answers: dns_servers, /etc/resolv.conf"},
    Remedy{"relay access denied",
           "the relayhost does not take mail from here: it wants a login "
           "(smtp_sasl_auth_enable, smtp_sasl_password_maps) or this address "
           "among its networks"},
    Remedy{"authentication",
           "the login at the relayhost is wrong: smtp_sasl_password_maps, then "
           "postmap"},
    Remedy{"certificate",
           "the other server's certificate is not trusted: smtp_tls_CAfile, or "
           "smtp_tls_security_level = may for it (smtp_tls_policy_maps)"},
    Remedy{"tls", "look at smtp_tls_security_level and smtp_tls_policy_maps for this destination"},
    Remedy{"greylist", "nothing: the other server takes it at a later try"},
    Remedy{"try again later", "nothing: the other server takes it at a later try"},
    Remedy{"mailbox is full",
           "the user must remove mail, or gets more room: pennypost user, "
           "quota_rule"},
    Remedy{"disk quota", "the user must remove mail, or gets more room"},
    Remedy{"spf", "publish the SPF record that pennypost doctor shows"},
    Remedy{"blocked", "this host's address may be on a block list; pennypost doctor says on which"},
};

std::string age_text(std::int64_t seconds) {
  if (seconds >= 2 * day_seconds) return std::to_string(seconds / day_seconds) + " days";
  if (seconds >= 2 * 3600) return std::to_string(seconds / 3600) + " hours";
  return std::to_string(seconds / 60) + " minutes";
}

/// One file system, of which the least room decides.
Finding room_finding(const std::string& what, const std::string& path, std::uint64_t free,
                     std::uint64_t all) {
  const std::uint64_t percent = all == 0 ? 100 : free * 100 / all;
  Level level = percent < free_problem_percent   ? Level::Problem
                : percent < free_warning_percent ? Level::Warning
                                                 : Level::Good;
  Finding finding{
      level, "disk",
      std::to_string(percent) + " % of the " + what + " are free where " + path + " lies", "", ""};
  if (level != Level::Good) {
    finding.why = "without room mail is put off (452), then returned by those who send it";
    finding.remedy = "df -h " + path + "; df -i " + path;
  }
  return finding;
}

}  // namespace

std::string remedy_for(std::string_view reason) {
  const std::string text = lower(reason);
  for (const auto& [part, remedy] : remedies) {
    if (text.find(part) != text.npos) return std::string(remedy);
  }
  return "";
}

Findings check_settings(const std::string& directory, const std::shared_ptr<const Config>& config) {
  Findings findings;
  CheckedHost host{directory, {}, config};
  for (const auto& [name, services] : all_daemons()) {
    if (!why_not_here(*config, services)) host.daemons.push_back(name);
  }
  for (const auto& name : host.daemons) {
    const bool runs = PidFile::running(config->base_dir, name).has_value();
    findings.push_back({runs ? Level::Good : Level::Problem, "daemons",
                        name + (runs ? " runs" : " does not run"),
                        runs ? "" : "its services are not there", runs ? "" : "pennypost start"});
  }
  auto add_all = [&](Level level, const std::vector<std::string>& problems, const char* why) {
    for (const auto& problem : problems) {
      findings.push_back({level, "settings", problem, why, "pennypost check, after the change"});
    }
  };
  add_all(Level::Problem, find_problems(host), "a daemon can't serve as configured");
  add_all(Level::Problem, find_install_problems(host), "programs of this host can't hand in mail");
  add_all(Level::Warning, config->warnings(), "a setting does not do what it seems to");
  return findings;
}

std::optional<CertificateReport> certificate_of(const Config& config) {
  for (const char* name : {"smtpd_tls_cert_file", "ssl_cert"}) {
    const auto& file = config.text(name);
    if (file.empty()) continue;
    auto report = report_certificate(file, config.text("myhostname"));
    if (report) return *std::move(report);
  }
  return std::nullopt;
}

Findings check_certificate(const Config& config, const std::optional<CertificateReport>& report) {
  const std::string area = "certificate";
  if (config.role == Role::NullClient) return {};
  if (!report) {
    return {{Level::Warning, area, "this host has no certificate that can be read",
             "mail arrives in the clear, and users can't log in from elsewhere",
             "pennypost setup makes one; certbot gets one that clients trust"}};
  }
  Findings findings;
  auto add = [&](Level level, std::string what, std::string why, std::string remedy) {
    findings.push_back({level, area, std::move(what), std::move(why), std::move(remedy)});
  };
  const auto days = report->seconds_left / day_seconds;
  if (report->seconds_left < 0) {
    add(Level::Problem, "it ended " + age_text(-report->seconds_left) + " ago",
        "mail clients refuse to connect", "renew it, then pennypost reload");
  } else if (days < certificate_warning_days) {
    add(days < certificate_problem_days ? Level::Problem : Level::Warning,
        "it ends in " + age_text(report->seconds_left), "mail clients will refuse to connect",
        "renew it, then pennypost reload; contrib/deploy-hooks does that after each renewal");
  } else {
    add(Level::Good, "it ends in " + age_text(report->seconds_left), "", "");
  }
  if (!report->names_host) {
    add(Level::Problem, "it is for " + report->names + ", not for " + config.text("myhostname"),
        "mail clients warn, and servers that check names deliver nothing",
        "get one for " + config.text("myhostname"));
  }
  if (report->is_self_signed) {
    add(Level::Warning, "it is self-signed", "mail clients warn until they are told to trust it",
        "certbot certonly --standalone -d " + config.text("myhostname") +
            ", then pennypost setup --certificate FILE --key FILE");
  } else if (!report->chain_problem.empty()) {
    add(Level::Problem, "its chain is not complete or not trusted: " + report->chain_problem,
        "mail clients refuse to connect", "name the file with the whole chain (fullchain.pem)");
  }
  return findings;
}

Findings check_disks(const Config& config) {
  Findings findings;
  std::vector<unsigned long> seen;
  for (const char* name :
       {"queue_directory", "data_directory", "virtual_mailbox_base", "mail_spool_directory"}) {
    const auto& path = config.text(name);
    struct statvfs room {};
    if (path.empty() || ::statvfs(path.c_str(), &room) != 0) continue;
    if (std::ranges::find(seen, room.f_fsid) != seen.end()) continue;
    seen.push_back(room.f_fsid);
    findings.push_back(room_finding("bytes", path, room.f_bavail, room.f_blocks));
    if (room.f_files != 0) {
      findings.push_back(room_finding("inodes", path, room.f_favail, room.f_files));
    }
  }
  return findings;
}

Findings check_clock() {
  struct timex state {};
  const bool is_kept = ::adjtimex(&state) >= 0 && (state.status & STA_UNSYNC) == 0;
  if (is_kept) return {{Level::Good, "clock", "it is kept by a time server", "", ""}};
  return {{Level::Warning, "clock", "no time server keeps it, as far as the kernel knows",
           "signatures and certificates are judged by the time, and logs can't be compared",
           "timedatectl set-ntp true"}};
}

Findings findings_of_queue(const SummarizeQueue::Summary& queue, std::int64_t now) {
  Findings findings;
  for (const auto& destination : queue.put_off) {
    const auto age = now - destination.oldest;
    if (age < waiting_warning_seconds || findings.size() == destinations_max) break;
    const std::string whom = destination.domain.empty() ? "this host" : destination.domain;
    findings.push_back({Level::Warning, "queue",
                        std::to_string(destination.recipients) + " for " + printable(whom, 200) +
                            " wait, the oldest for " + age_text(age) + ": " +
                            printable(destination.reason, 300),
                        "it is returned to its senders after maximal_queue_lifetime",
                        remedy_for(destination.reason)});
  }
  if (findings.empty()) {
    findings.push_back({Level::Good, "queue",
                        queue.messages == 0
                            ? "it is empty"
                            : std::to_string(queue.messages) + " messages, none put off for long",
                        "", ""});
  }
  return findings;
}

Findings check_queue(const std::shared_ptr<const Config>& config) {
  auto queue = QueueAccess::open(config);
  if (!queue) {
    return {{Level::Problem, "queue", "it can't be looked at: " + queue.error().text(),
             "nobody knows what waits", "pennypost start"}};
  }
  auto summary = queue->client().call(SummarizeQueue());
  if (!summary) {
    return {{Level::Problem, "queue", "it does not answer: " + summary.error().text(),
             "nobody knows what waits", "pennypost status"}};
  }
  return findings_of_queue(*summary, std::time(nullptr));
}

}  // namespace pennypost::smtp
