// Writes a digest as text and as JSON.
#include "common/base/day.h"
#include "common/base/json_text.h"
#include "common/base/text.h"
#include "smtpd/reports/digest.h"

namespace pennypost::smtp {
namespace {

constexpr std::size_t address_column = 40;  // an IPv6 address has 39 characters at most
constexpr std::size_t number_column = 9;

/// `1 message`, `2 messages`.
std::string counted(std::uint64_t number, std::string_view noun) {
  return std::to_string(number) + " " + std::string(noun) + (number == 1 ? "" : "s");
}

std::string line_of(std::string_view what, std::uint64_t number, std::string_view words) {
  std::string line = "    " + std::string(what);
  auto digits = std::to_string(number);
  line.resize(std::max(4 + address_column, line.size() + 1), ' ');
  if (digits.size() < number_column) line.append(number_column - digits.size(), ' ');
  return line + digits + "  " + std::string(words) + "\n";
}

std::string dispositions_text(const ReportedSource& source) {
  std::string text;
  for (const auto& [name, number] : source.dispositions) {
    text += "; " + std::to_string(number) + " " + name + (name.ends_with('e') ? "d" : "ed");
  }
  return text;
}

std::string period(const DomainDigest& digest) {
  if (digest.begin == 0 || digest.end == 0) return "";
  return ", " + day_of(digest.begin) + " to " + day_of(digest.end);
}

std::string sources_text(const std::vector<ReportedSource>& sources, bool passes) {
  std::string text;
  for (const auto& source : sources) {
    if (source.passes != passes) continue;
    text += line_of(source.address, source.messages, source.meaning + dispositions_text(source));
  }
  if (text.empty()) return "";
  return std::string(passes ? "\n  Passes:\n" : "\n  Fails:\n") + text;
}

}  // namespace

std::string DomainDigest::text() const {
  std::string text = domain + period(*this) + ": " + counted(reports, "report") + " of " +
                     join({reporters.begin(), reporters.end()}, ", ") + "\n";
  if (messages > 0) {
    text += "  " + counted(messages, "message") + " in its name: " + std::to_string(passed) +
            " pass DMARC, " + std::to_string(messages - passed) +
            " fail; its policy is p=" + policy + "\n";
  }
  text += sources_text(sources, false) + sources_text(sources, true);
  if (tls_sessions == 0) return text;
  text += "\n  TLS: " + counted(tls_sessions, "session") + ", of which " +
          std::to_string(tls_failures) + " failed\n";
  for (const auto& failure : tls) {
    auto where = failure.host.empty() ? "" : " (" + failure.host + ")";
    text += line_of(failure.kind, failure.sessions, std::string(failure.meaning) + where);
  }
  return text;
}

std::string DomainDigest::json() const {
  std::string out = "{\"domain\":" + json_string(domain) + ",\"begin\":" + std::to_string(begin) +
                    ",\"end\":" + std::to_string(end) + ",\"reports\":" + std::to_string(reports) +
                    ",\"reporters\":[";
  std::string_view between;
  for (const auto& name : reporters) {
    add(out, between, json_string(name));
    between = ",";
  }
  add(out, "],\"policy\":", json_string(policy), ",\"messages\":", std::to_string(messages),
      ",\"passed\":", std::to_string(passed), ",\"sources\":[");
  between = "";
  for (const auto& source : sources) {
    add(out, between, "{\"address\":", json_string(source.address),
        ",\"passes\":", source.passes ? "true" : "false",
        ",\"messages\":", std::to_string(source.messages),
        ",\"meaning\":", json_string(source.meaning));
    for (const auto& [name, number] : source.dispositions) {
      add(out, ",", json_string(name), ":", std::to_string(number));
    }
    out += '}';
    between = ",";
  }
  add(out, "],\"tls_sessions\":", std::to_string(tls_sessions),
      ",\"tls_failures\":", std::to_string(tls_failures), ",\"tls\":[");
  between = "";
  for (const auto& failure : tls) {
    add(out, between, "{\"kind\":", json_string(failure.kind),
        ",\"host\":", json_string(failure.host), ",\"meaning\":", json_string(failure.meaning),
        ",\"sessions\":", std::to_string(failure.sessions), "}");
    between = ",";
  }
  return out + "]}";
}

}  // namespace pennypost::smtp
