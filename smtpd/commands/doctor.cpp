#include "smtpd/commands/doctor.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <optional>
#include <ostream>
#include <set>
#include <vector>

#include "common/base/file.h"
#include "common/base/text.h"
#include "common/config/system.h"
#include "common/mail/date.h"
#include "smtpd/commands/doctor_dns.h"
#include "smtpd/commands/doctor_host.h"
#include "smtpd/commands/doctor_outside.h"
#include "smtpd/commands/exit_status.h"
#include "smtpd/commands/findings.h"
#include "smtpd/commands/load_config.h"
#include "smtpd/commands/offline_lookup.h"
#include "smtpd/commands/usage.h"
#include "smtpd/pickup/control.h"

namespace pennypost::smtp {
namespace {

constexpr std::uint64_t findings_bytes_max = 1 << 20;

struct Call {
  LoadOptions load;
  std::string domain;
  std::string probe = "gmail.com";
  bool is_json = false;
  bool shows_all = false;
  bool is_offline = false;
  bool mails = false;
  bool watches = false;
};

std::optional<Call> parse(std::span<const std::string> args) {
  Call call;
  for (std::size_t i = 0; i < args.size(); ++i) {
    const std::string& arg = args[i];
    const bool takes_value = arg == "-c" || arg == "--probe";
    if (takes_value && i + 1 == args.size()) return {};
    if (takes_value) {
      (arg == "-c" ? call.load.directory : call.probe) = args[++i];
    } else if (arg == "--json") {
      call.is_json = true;
    } else if (arg == "--all") {
      call.shows_all = true;
    } else if (arg == "--offline") {
      call.is_offline = true;
    } else if (arg == "--mail") {
      call.mails = true;
    } else if (arg == "--watch") {
      call.watches = true;
    } else if (arg.starts_with('-') || !call.domain.empty()) {
      return {};
    } else {
      call.domain = arg;
    }
  }
  if (call.mails && call.watches) return {};
  return call;
}

void add(Findings& to, Findings more) {
  to.insert(to.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

std::vector<IpAddress> public_addresses() {
  std::vector<IpAddress> addresses;
  for (const auto& interface : System::query().interfaces) {
    auto address = IpAddress::parse(interface.address);
    if (address && is_public(*address)) addresses.push_back(*address);
  }
  return addresses;
}

/// The keys of the domain (default: mydomain); nothing if this host signs no mail. Those that can't
/// be read are none, which pennypost dkim list explains.
std::optional<KeptKeys> signing_keys(const Config& config, const std::string& domain) {
  if (!config.dkim_signing) return std::nullopt;
  auto keys = KeyDirectory(config.dkim_key_directory)
                  .read(domain.empty() ? config.text("mydomain") : domain);
  return keys ? *std::move(keys) : KeptKeys();
}

Findings examine(const Call& call, const std::shared_ptr<const Config>& config) {
  Findings findings = check_settings(call.load.directory, config);
  auto certificate = certificate_of(*config);
  add(findings, check_certificate(*config, certificate));
  add(findings, check_disks(*config));
  add(findings, check_clock());
  add(findings, check_queue(config));
  if (call.is_offline) return findings;
  auto lookup = OfflineLookup::open(config);
  if (!lookup) {
    findings.push_back({Level::Problem, "settings", lookup.error().text(),
                        "no address can be looked up", "pennypost check"});
    return findings;
  }
  OfflineLookup& asked = **lookup;
  DoctorDns about{call.domain.empty() ? config->text("mydomain") : call.domain, public_addresses(),
                  certificate, signing_keys(*config, call.domain)};
  add(findings, check_dns(*config, asked.loop(), asked.resolver(), about));
  add(findings, check_block_lists(asked.loop(), asked.resolver(), about.addresses));
  add(findings, check_relaying(asked));
  add(findings, check_way_out(asked, call.probe));
  return findings;
}

/// A finding without its numbers, which change from day to day.
std::string key_of(const Finding& finding) {
  std::string key = std::string(name_of(finding.level)) + " " + finding.area + ": " + finding.what;
  std::erase_if(key, [](char c) { return c >= '0' && c <= '9'; });
  return printable(key, 2000);
}

std::set<std::string> keys_of(const Findings& findings) {
  std::set<std::string> keys;
  for (const auto& finding : findings) {
    if (finding.level > Level::Note) keys.insert(key_of(finding));
  }
  return keys;
}

/// Findings worse than notes whose keys are not in `known`.
Findings without(const Findings& findings, const std::set<std::string>& known) {
  Findings fresh;
  for (const auto& finding : findings) {
    if (finding.level > Level::Note && !known.contains(key_of(finding))) fresh.push_back(finding);
  }
  return fresh;
}

Result<void> send_mail(const Config& config, const Findings& findings) {
  std::string text =
      "From: Pennypost <postmaster@" + config.text("myhostname") +
      ">\nTo: postmaster\nSubject: " + config.text("myhostname") + ": " +
      std::to_string(findings.size()) + (findings.size() == 1 ? " new finding" : " new findings") +
      "\nDate: " + format_date(local_date(std::time(nullptr))) +
      "\nAuto-Submitted: auto-generated\nContent-Type: text/plain; charset=utf-8\n\n" +
      findings_text(findings, false) + "\npennypost doctor shows all that is found now.\n";
  TRY(auto queue, QueueClient::connect(config.queue_directory));
  PostMail post;
  post.submission.sender = "postmaster";
  post.submission.recipients = {"postmaster"};
  TRY(auto content, sealed_file(text));
  std::vector<Descriptor> files;
  files.push_back(std::move(content));
  TRY_DO(queue.call(post, std::move(files)));
  return {};
}

/// Mails what is new, and keeps what was found for the next run.
Result<void> mail_news(const Config& config, const Findings& findings) {
  const std::string path = config.text("data_directory") + "/doctor.findings";
  TRY(auto last, read_file(path, findings_bytes_max));
  std::set<std::string> known;
  const std::string before = last.value_or("");
  for (auto line : split(before, '\n')) known.emplace(line);
  auto fresh = without(findings, known);
  if (!fresh.empty()) {
    TRY_DO(send_mail(config, fresh));
  }
  std::string text;
  for (const auto& key : keys_of(findings)) text += key + "\n";
  const std::string next = path + ".new";
  ::unlink(next.c_str());
  TRY(auto file, open_file(next, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW));
  TRY_DO(write_all(file.number(), text, next));
  if (::rename(next.c_str(), path.c_str()) != 0) {
    return Error::temporary(path + ": can't be replaced");
  }
  return {};
}

int watch(const Call& call, const std::shared_ptr<const Config>& config, std::ostream& out) {
  std::set<std::string> known;
  for (;;) {
    auto findings = examine(call, config);
    auto keys = keys_of(findings);
    out << findings_text(without(findings, known), false);
    for (const auto& key : known) {
      if (!keys.contains(key)) out << "gone: " << key << "\n";
    }
    known = std::move(keys);
    out << std::flush;
    if (known.empty()) break;
    ::sleep(doctor_watch_seconds);
  }
  out << "nothing is left\n";
  return 0;
}

}  // namespace

int doctor(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  auto call = parse(args);
  if (!call) {
    err << usage::doctor << "\n";
    return ex_usage;
  }
  auto config = load_config(call->load, err);
  if (!config) return ex_config;
  if (call->watches) return watch(*call, config, out);
  auto findings = examine(*call, config);
  if (call->mails) {
    auto mailed = mail_news(*config, findings);
    if (!mailed) {
      err << "pennypost doctor: " << mailed.error().text() << "\n"
          << findings_text(findings, false);
      return ex_failed;
    }
  } else {
    out << (call->is_json ? findings_json(findings) : findings_text(findings, call->shows_all));
    if (!call->is_json && worst_of(findings) <= Level::Note) out << "nothing is wrong\n";
  }
  return worst_of(findings) > Level::Note ? ex_failed : 0;
}

}  // namespace pennypost::smtp
