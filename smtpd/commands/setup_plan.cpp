#include "smtpd/commands/setup_plan.h"

#include <unistd.h>

#include <algorithm>

#include "common/base/file.h"
#include "common/base/text.h"
#include "common/config/parameter.h"
#include "smtpd/commands/daemons.h"

namespace pennypost::smtp {
namespace {

constexpr std::uint64_t main_toml_bytes_max = 1 << 20;

struct OpenPort {
  std::string name;
  std::uint16_t port = 0;
  friend bool operator==(const OpenPort&, const OpenPort&) = default;
};

std::vector<OpenPort> ports_of(const Config& config) {
  std::vector<OpenPort> ports;
  for (const auto& [daemon, services] : all_daemons()) {
    for (const auto& service : config.listening(services)) {
      if (service.port != 0) ports.push_back({service.name, service.port});
    }
  }
  return ports;
}

std::string where_it_listens(const Config& config) {
  return config.text("inet_interfaces") == "loopback-only" ? " on loopback alone" : "";
}

void compare_ports(const Config* before, const Config& after, std::vector<std::string>& changes) {
  const auto old_ports = before != nullptr ? ports_of(*before) : std::vector<OpenPort>();
  const auto new_ports = ports_of(after);
  auto tell = [&](const char* verb, const OpenPort& one, const std::string& where) {
    changes.push_back(verb + std::to_string(one.port) + " (" + one.name + ")" + where);
  };
  for (const auto& one : new_ports) {
    bool is_new = std::ranges::find(old_ports, one) == old_ports.end();
    if (is_new) tell("opens port ", one, where_it_listens(after));
  }
  for (const auto& one : old_ports) {
    bool is_gone = std::ranges::find(new_ports, one) == new_ports.end();
    if (is_gone) tell("closes port ", one, "");
  }
}

/// Settings that name directories, files and domains, whose values follow from others.
void compare_paths(const Config& before, const Config& after, std::vector<std::string>& changes) {
  for (const Parameter& parameter : parameters()) {
    const bool is_of_interest = parameter.kind == "Path" || parameter.name == "mail_location" ||
                                parameter.name == "virtual_mail_location" ||
                                parameter.name == "mydestination" ||
                                parameter.name == "inet_interfaces";
    const auto& old_text = before.text(parameter.name);
    const auto& new_text = after.text(parameter.name);
    if (!is_of_interest || old_text == new_text) continue;
    changes.push_back(std::string(parameter.name) + " was " +
                      (old_text.empty() ? "empty" : old_text) + " and becomes " +
                      (new_text.empty() ? "empty" : new_text));
  }
}

/// Collects the edits for settings whose value is not what an answer says.
class Edits {
 public:
  explicit Edits(const Config* current) : current_(current) {}

  Result<void> set(const std::string& name, const std::string& value) {
    if (value.empty() || (current_ != nullptr && current_->text(name) == value)) return {};
    return add(name + "=" + value);
  }
  Result<void> add(const std::string& text) {
    TRY(auto edit, SettingEdit::parse(SettingEdit::Set, text));
    edits_.push_back(std::move(edit));
    return {};
  }
  const std::vector<SettingEdit>& all() const { return edits_; }

 private:
  const Config* current_;
  std::vector<SettingEdit> edits_;
};

Result<void> add_certificate(const SetupAnswers& answers, const std::string& role,
                             const Config* current, Edits& edits, SetupPlan& plan) {
  if (answers.certificate.empty()) return {};
  const bool has_mailboxes = role == "destination";
  const std::string file = has_mailboxes ? "ssl_cert" : "smtpd_tls_cert_file";
  const std::string key = has_mailboxes ? "ssl_key" : "smtpd_tls_key_file";
  plan.makes_certificate = ::access(answers.certificate.c_str(), F_OK) != 0;
  if (current != nullptr && !current->text(file).empty() &&
      current->text(file) == answers.certificate) {
    return {};
  }
  TRY_DO(edits.set(file, answers.certificate));
  return edits.set(key, answers.key);
}

}  // namespace

Result<std::string> read_main_toml(const LoadOptions& options) {
  TRY(auto text, read_file(options.directory + "/main.toml", main_toml_bytes_max));
  return text.value_or("");
}

Result<SetupPlan> plan_setup(const SetupAnswers& answers, const LoadOptions& options) {
  SetupPlan plan;
  TRY(plan.before, read_main_toml(options));
  // A file that is wrong now may be right afterwards.
  auto now = Config::parse(plan.before, options);
  const Config* current = now && !plan.before.empty() ? now->get() : nullptr;
  Edits edits(current);
  TRY_DO(edits.set("role", answers.role));
  TRY_DO(edits.set("myhostname", answers.hostname));
  TRY_DO(edits.set("mydomain", answers.domain));
  TRY_DO(edits.set("relayhost", answers.relayhost));
  TRY_DO(edits.set("mynetworks", answers.networks));
  TRY_DO(add_certificate(answers, answers.role, current, edits, plan));
  for (const auto& setting : answers.settings) {
    auto equals = setting.find('=');
    const std::string name(trim(std::string_view(setting).substr(0, equals)));
    const std::string value(
        equals == setting.npos ? "" : trim(std::string_view(setting).substr(equals + 1)));
    const bool is_known = find_parameter(name).has_value();
    if (is_known && current != nullptr && current->text(name) == value) continue;
    TRY_DO(edits.add(setting));
  }
  plan.after = plan.before;
  if (!edits.all().empty()) {
    TRY(plan.after, edit_toml(plan.before, edits.all(), options));
  }
  plan.edits = edits.all();
  TRY(plan.config, Config::parse(plan.after, options));
  compare_ports(current, *plan.config, plan.changes);
  if (current != nullptr) compare_paths(*current, *plan.config, plan.changes);
  return plan;
}

}  // namespace pennypost::smtp
