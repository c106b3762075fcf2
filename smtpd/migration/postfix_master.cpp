// Takes ports, and the options of smtpd on each, from the services of master.cf.
#include <algorithm>
#include <array>

#include "common/base/text.h"
#include "smtpd/migration/postfix.h"

namespace pennypost::smtp {
namespace {

// Options about Postfix's own processes and logs, or that the port itself says here.
constexpr std::array silent_options{
    std::string_view("milter_macro_daemon_name"), std::string_view("smtpd_sasl_auth_enable"),
    std::string_view("smtpd_tls_wrappermode"), std::string_view("syslog_name")};

/// The service here that has the port; empty: none.
std::string_view service_of(std::string_view port) {
  if (port == "smtp" || port == "25") return "smtp";
  if (port == "submission" || port == "587") return "submission";
  if (port == "smtps" || port == "submissions" || port == "465") return "submissions";
  return "";
}

// Columns of the line, where { } holds several words together.
std::vector<std::string> columns_of(std::string_view line) {
  std::vector<std::string> columns;
  while (!(line = trim(line)).empty()) {
    bool is_braced = line.front() == '{';
    auto end = std::min(line.find_first_of(is_braced ? "}" : " \t"), line.size());
    columns.emplace_back(trim(line.substr(is_braced ? 1 : 0, end - (is_braced ? 1 : 0))));
    line.remove_prefix(std::min(end + (is_braced ? 1 : 0), line.size()));
  }
  return columns;
}

void add_options(const std::vector<std::string>& words, std::size_t begin,
                 PostfixService& service) {
  for (std::size_t i = begin; i < words.size(); ++i) {
    bool is_alone = words[i] == "-o";
    if (!words[i].starts_with("-o") || (is_alone && i + 1 == words.size())) continue;
    auto text = is_alone ? words[++i] : words[i].substr(2);
    auto equals = text.find('=');
    if (equals == text.npos) continue;
    service.options.emplace_back(trim(std::string_view(text).substr(0, equals)),
                                 trim(std::string_view(text).substr(equals + 1)));
  }
}

}  // namespace

std::vector<PostfixService> postfix_services(std::string_view text) {
  std::vector<PostfixService> services;
  std::string logical;
  std::size_t number = 0;
  std::size_t begun = 0;
  auto finish = [&] {
    constexpr std::size_t command_column = 7;
    auto columns = columns_of(logical);
    logical.clear();
    if (columns.size() <= command_column) return;
    PostfixService service{columns[0], columns[1], columns[command_column], {}, begun};
    add_options(columns, command_column + 1, service);
    services.push_back(std::move(service));
  };
  for (auto line : split(text, '\n')) {
    ++number;
    auto bare = trim(line);
    if (bare.empty() || bare.starts_with('#')) continue;
    bool goes_on = line.front() == ' ' || line.front() == '\t';
    if (!goes_on) {
      finish();
      begun = number;
    }
    logical += " " + std::string(bare);
  }
  finish();
  return services;
}

Result<void> read_postfix_services(const PostfixSite& site, std::string_view text) {
  auto path = site.directory + "/master.cf";
  bool has_submission = false;
  bool has_submissions = false;
  for (const auto& service : postfix_services(text)) {
    SourcePlace place{path, service.line};
    bool is_screen = service.command == "postscreen";
    if (service.type != "inet" || (service.command != "smtpd" && !is_screen)) continue;
    auto port = service.name.substr(service.name.rfind(':') + 1);
    auto name = service_of(port);
    if (name.empty()) {
      site.made.lacks(place, service.name + " inet " + service.command,
                      "there is no service on a port of its own but smtp, submission and "
                      "submissions; a content filter connects as a milter or by after-queue "
                      "delivery to smtp");
      continue;
    }
    has_submission = has_submission || name == "submission";
    has_submissions = has_submissions || name == "submissions";
    if (is_screen) site.made.set("postscreen_enable", "yes", place);
    for (const auto& [option, value] : service.options) {
      if (std::ranges::find(silent_options, option) != silent_options.end()) continue;
      TRY_DO(take_postfix_setting(site, name, {option, value, service.line}, place));
    }
  }
  if (!has_submission) site.made.set("submission_port", "0");
  if (!has_submissions) site.made.set("submissions_port", "0");
  return {};
}

}  // namespace pennypost::smtp
