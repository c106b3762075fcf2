// Sendmail's macros as settings: SMART_HOST, MASQUERADE_AS, confMAX_MESSAGE_SIZE and others.
//
// SEE ALSO   sendmail_features.cpp (FEATURE), sendmail_daemons.cpp (DAEMON_OPTIONS)
#include <algorithm>
#include <array>
#include <optional>

#include "common/base/text.h"
#include "smtpd/migration/sendmail.h"
#include "smtpd/migration/sendmail_parts.h"
#include "smtpd/routing/next_hop.h"

namespace pennypost::smtp {
namespace {

/// How a value is written here.
enum class As { Same, Time, Host, Fallback, Nothing, Elsewhere };

struct Definition {
  std::string_view name;
  As as;
  std::string_view setting;  // or, for Elsewhere, why there is none; further ones behind a comma
};
/// In alphabetical order. Nothing: it is so here, or is about what is not here; Elsewhere: it is
/// told that it has no counterpart.
constexpr std::array definitions{
    Definition{"ALIAS_FILE", As::Nothing, ""},
    Definition{"LUSER_RELAY", As::Same, "luser_relay"},
    Definition{"PROCMAIL_MAILER_PATH", As::Nothing, ""},
    Definition{"RELAY_MAILER_ARGS", As::Nothing, ""},
    Definition{"SMART_HOST", As::Host, "relayhost"},
    Definition{"STATUS_FILE", As::Nothing, ""},
    Definition{"confALIAS_WAIT", As::Nothing, ""},
    Definition{"confAUTO_REBUILD", As::Nothing, ""},
    Definition{"confCACERT", As::Same, "smtpd_tls_CAfile,smtp_tls_CAfile"},
    Definition{"confCACERT_PATH", As::Same, "smtpd_tls_CApath,smtp_tls_CApath"},
    Definition{"confCLIENT_CERT", As::Same, "smtp_tls_cert_file"},
    Definition{"confCLIENT_KEY", As::Same, "smtp_tls_key_file"},
    Definition{"confCR_FILE", As::Nothing, ""},
    Definition{"confCT_FILE", As::Nothing, ""},
    Definition{"confCW_FILE", As::Nothing, ""},
    Definition{"confDEF_USER_ID", As::Elsewhere,
               "commands of aliases run as default_privs, which names a user"},
    Definition{"confDELIVERY_MODE", As::Nothing, ""},
    Definition{"confDOMAIN_NAME", As::Same, "myhostname"},
    Definition{"confDONT_PROBE_INTERFACES", As::Nothing, ""},
    Definition{"confFALLBACK_MX", As::Fallback, "smtp_fallback_relay"},
    Definition{"confHOST_STATUS_DIRECTORY", As::Nothing, ""},
    Definition{"confLOG_LEVEL", As::Nothing, ""},
    Definition{"confMAX_HOP", As::Same, "hopcount_limit"},
    Definition{"confMAX_MESSAGE_SIZE", As::Same, "message_size_limit"},
    Definition{"confMAX_RCPTS_PER_MESSAGE", As::Same, "smtpd_recipient_limit"},
    Definition{"confMCI_CACHE_SIZE", As::Nothing, ""},
    Definition{"confMCI_CACHE_TIMEOUT", As::Nothing, ""},
    Definition{"confMIN_QUEUE_AGE", As::Time, "minimal_backoff_time"},
    Definition{"confQUEUE_LA", As::Elsewhere, "nothing depends on the load average"},
    Definition{"confREFUSE_LA", As::Elsewhere, "nothing depends on the load average"},
    Definition{"confREJECT_MSG", As::Nothing, ""},
    Definition{"confSERVER_CERT", As::Same, "smtpd_tls_cert_file"},
    Definition{"confSERVER_KEY", As::Same, "smtpd_tls_key_file"},
    Definition{"confTO_COMMAND", As::Time, "smtpd_timeout"},
    Definition{"confTO_CONNECT", As::Time, "smtp_connect_timeout"},
    Definition{"confTO_DATABLOCK", As::Time, "smtp_data_xfer_timeout"},
    Definition{"confTO_DATAFINAL", As::Time, "smtp_data_done_timeout"},
    Definition{"confTO_DATAINIT", As::Time, "smtp_data_init_timeout"},
    Definition{"confTO_HELO", As::Time, "smtp_helo_timeout"},
    Definition{"confTO_ICONNECT", As::Nothing, ""},
    Definition{"confTO_IDENT", As::Nothing, ""},
    Definition{"confTO_MAIL", As::Time, "smtp_mail_timeout"},
    Definition{"confTO_QUEUERETURN", As::Time, "maximal_queue_lifetime"},
    Definition{"confTO_QUEUEWARN", As::Time, "delay_warning_time"},
    Definition{"confTO_QUIT", As::Time, "smtp_quit_timeout"},
    Definition{"confTO_RCPT", As::Time, "smtp_rcpt_timeout"},
    Definition{"confTO_RSET", As::Time, "smtp_rset_timeout"},
    Definition{"confTO_STARTTLS", As::Time, "smtp_starttls_timeout,smtpd_starttls_timeout"},
    Definition{"confTRY_NULL_MX_LIST", As::Nothing, ""},
};
static_assert(std::ranges::is_sorted(definitions, {}, &Definition::name));

/// Macros of other names that are read elsewhere, or say nothing that matters here.
constexpr std::array silent{std::string_view("CANONIFY_DOMAIN"),
                            std::string_view("DAEMON_OPTIONS"),
                            std::string_view("EXPOSED_USER"),
                            std::string_view("EXPOSED_USER_FILE"),
                            std::string_view("FEATURE"),
                            std::string_view("GENERICS_DOMAIN"),
                            std::string_view("GENERICS_DOMAIN_FILE"),
                            std::string_view("LOCAL_DOMAIN"),
                            std::string_view("MASQUERADE_AS"),
                            std::string_view("MASQUERADE_DOMAIN"),
                            std::string_view("MASQUERADE_DOMAIN_FILE"),
                            std::string_view("MASQUERADE_EXCEPTION"),
                            std::string_view("MASQUERADE_EXCEPTION_FILE"),
                            std::string_view("OSTYPE"),
                            std::string_view("RELAY_DOMAIN"),
                            std::string_view("RELAY_DOMAIN_FILE"),
                            std::string_view("VERSIONID"),
                            std::string_view("VIRTUSER_DOMAIN"),
                            std::string_view("VIRTUSER_DOMAIN_FILE"),
                            std::string_view("divert")};

/// `1h30m` in seconds; a bare number has the unit that Sendmail gives it. Nothing: no time.
std::optional<std::string> seconds_of(std::string_view text, std::uint64_t bare_unit) {
  constexpr std::string_view units = "smhdw";
  constexpr std::array<std::uint64_t, 5> seconds{1, 60, 3600, 86'400, 604'800};
  constexpr std::uint64_t digits_max = 9;
  std::uint64_t total = 0;
  text = trim(text);
  if (text.empty()) return {};
  while (!text.empty()) {
    std::size_t end = 0;
    while (end < text.size() && is_digit(text[end])) ++end;
    if (end == 0 || end > digits_max) return {};
    auto number = *parse_number(text.substr(0, end));
    text.remove_prefix(end);
    auto unit = text.empty() ? units.npos : units.find(text.front());
    if (!text.empty() && unit == units.npos) return {};
    total += number * (text.empty() ? bare_unit : seconds[unit]);
    if (!text.empty()) text.remove_prefix(1);
  }
  return std::to_string(total) + "s";
}

class Settings {
 public:
  explicit Settings(const SendmailSite& site) : site_(site), made_(site.migration()) {}

  void run() {
    for (const McCall& call : site_.calls()) {
      if (call.name == "define") {
        define(call);
      } else if (call.name == "MAILER") {
        mailer(call);
      } else if (call.name == "TRUST_AUTH_MECH") {
        made_.set("smtpd_sasl_auth_enable", "yes", site_.at(call));
      } else if (std::ranges::find(silent, call.name) == silent.end()) {
        other(call);
      }
    }
  }

 private:
  void lacks(const McCall& call, std::string reason) {
    made_.lacks(site_.at(call), call.text, std::move(reason));
  }

  void define(const McCall& call) {
    auto name = std::string(trim(call.argument(0)));
    auto value = std::string(trim(call.argument(1)));
    if (site_.definition(name) != &call) return;
    if (name == "confPRIVACY_FLAGS") return privacy(call, value);
    if (name == "confAUTH_OPTIONS") return auth_options(call, value);
    if (name == "confAUTH_MECHANISMS") return mechanisms(call, value);
    if (name == "confSMTP_LOGIN_MSG") return banner(call, value);
    auto row = std::ranges::lower_bound(definitions, name, {}, &Definition::name);
    if (row == definitions.end() || row->name != name) {
      return lacks(call, "there is no such setting here");
    }
    if (row->as == As::Elsewhere) return lacks(call, std::string(row->setting));
    if (row->as == As::Nothing) return;
    if (value.find("$") != value.npos) {
      return lacks(call,
                   "a value that depends on Sendmail's macros; write " + std::string(row->setting));
    }
    auto text = converted(*row, value);
    if (!text)
      return lacks(call, "the value is not understood; write " + std::string(row->setting));
    for (auto setting : split(row->setting, ',')) {
      made_.set(std::string(setting), *text, site_.at(call));
    }
  }

  std::optional<std::string> converted(const Definition& row, const std::string& value) {
    if (row.as == As::Time) {
      std::uint64_t bare = row.setting == "maximal_queue_lifetime" ? 86'400
                           : row.setting == "delay_warning_time"   ? 3600
                                                                   : 60;
      return seconds_of(value, bare);
    }
    if (row.as == As::Host || row.as == As::Fallback) {
      return next_hop_of(site_, value, row.as == As::Host);
    }
    return value;
  }

  void privacy(const McCall& call, std::string_view value) {
    std::string unknown;
    for (auto word : words(value)) {
      auto flag = lower(word);
      if (flag == "goaway" || flag == "novrfy") made_.set("disable_vrfy_command", "yes");
      if (flag == "goaway" || flag == "needmailhelo") made_.set("smtpd_helo_required", "yes");
      if (flag == "noetrn") made_.set("smtpd_discard_ehlo_keywords", "etrn");
      constexpr std::array known{std::string_view("authwarnings"), std::string_view("goaway"),
                                 std::string_view("needmailhelo"), std::string_view("noetrn"),
                                 std::string_view("noexpn"),       std::string_view("noverb"),
                                 std::string_view("novrfy"),       std::string_view("public"),
                                 std::string_view("restrictqrun")};
      if (std::ranges::find(known, flag) == known.end()) unknown += " " + flag;
    }
    if (!unknown.empty()) lacks(call, "no setting does what these flags do:" + unknown);
  }

  void auth_options(const McCall&, std::string_view value) {
    if (value.find('p') != value.npos) made_.set("smtpd_tls_auth_only", "yes");
  }

  void mechanisms(const McCall& call, std::string_view value) {
    std::string unknown;
    for (auto word : words(value)) {
      auto name = lower(word);
      bool is_known =
          name == "plain" || name == "login" || name == "scram-sha-256" || name == "external";
      if (is_known) {
        made_.add("auth_mechanisms", name, site_.at(call));
      } else {
        unknown += " " + upper(word);
      }
    }
    made_.set("smtpd_sasl_auth_enable", "yes", site_.at(call));
    if (!unknown.empty()) lacks(call, "these mechanisms are not offered:" + unknown);
  }

  /// $j is the host's name; what follows ESMTP is a matter of taste.
  void banner(const McCall& call, const std::string& value) {
    bool is_plain = value.starts_with("$j") && value.find('$', 1) == value.npos;
    if (!is_plain) return lacks(call, "a greeting with Sendmail's macros; write smtpd_banner");
    made_.set("smtpd_banner", "$myhostname ESMTP" + value.substr(2), site_.at(call));
  }

  void mailer(const McCall& call) {
    auto name = lower(trim(call.argument(0)));
    if (name == "smtp" || name == "local" || name == "procmail") return;
    lacks(call, "there is no mailer " + printable(name, 40));
  }

  void other(const McCall& call) {
    if (call.name == "include" && call.argument(0).ends_with("cf.m4")) return;
    if (call.name.empty()) return lacks(call, "a rule or line of sendmail.cf");
    if (call.name == "INPUT_MAIL_FILTER" || call.name == "MAIL_FILTER") {
      return lacks(call, "name the milter in smtpd_milters, as inet:host:port or unix:path");
    }
    if (call.name.starts_with("LOCAL_") && call.arguments.empty()) return;
    lacks(call, "the macro is not known here");
  }

  const SendmailSite& site_;
  Migration& made_;
};

}  // namespace

std::optional<std::string> next_hop_of(const SendmailSite& site, std::string_view value,
                                       bool is_relay) {
  auto colon = value.find(':');
  bool has_mailer = colon != value.npos && !value.starts_with('[') &&
                    value.substr(0, colon).find('.') == value.npos;
  if (has_mailer) value.remove_prefix(colon + 1);
  std::string host(trim(value));
  if (host.ends_with('.')) host.pop_back();
  // `TCP $h 587`: the port of the mailer that SMART_HOST uses.
  auto arguments = site.defined("RELAY_MAILER_ARGS");
  auto parts = words(arguments, " \t");
  if (is_relay && parts.size() == 3 && parse_number(parts[2])) {
    host += ":" + std::string(parts[2]);
  }
  if (!NextHop::parse(host)) return {};
  return host;
}

void read_sendmail_settings(const SendmailSite& site) {
  Settings(site).run();
  read_sendmail_daemons(site);
  read_sendmail_features(site);
}

}  // namespace pennypost::smtp
