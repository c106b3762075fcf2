#include "smtpd/delivery/xforward.h"

#include <algorithm>
#include <utility>

#include "common/mail/status.h"

namespace pennypost::smtp {
namespace {

constexpr std::size_t command_bytes_max = 510;
constexpr std::size_t value_bytes_max = 255;

std::string value_of(const std::string& text) {
  if (text.empty() || text == "unknown") return "[UNAVAILABLE]";
  std::string value = xtext_encode(text.substr(0, value_bytes_max));
  if (value.size() <= value_bytes_max) return value;
  // A code of three characters is left out as a whole.
  auto plus = value.rfind('+', value_bytes_max - 1);
  bool is_cut = plus != std::string::npos && plus + 3 > value_bytes_max;
  value.resize(is_cut ? plus : value_bytes_max);
  return value;
}

}  // namespace

std::vector<std::string> xforward_commands(const Envelope& envelope,
                                           const std::vector<std::string>& offered) {
  bool is_six = envelope.client_address.find(':') != std::string::npos;
  bool is_extended = envelope.protocol != "SMTP";
  std::string protocol = envelope.protocol.empty() ? "[UNAVAILABLE]"
                         : is_extended             ? "ESMTP"
                                                   : "SMTP";
  std::string address = value_of(envelope.client_address);
  const std::pair<const char*, std::string> attributes[] = {
      {"NAME", value_of(envelope.client_name)},
      {"ADDR", (is_six ? "IPV6:" : "") + address},
      {"PROTO", protocol},
      {"HELO", value_of(envelope.helo)},
      {"IDENT", value_of(envelope.id.value())},
      {"SOURCE", envelope.is_local ? "LOCAL" : "REMOTE"},
  };
  std::vector<std::string> commands;
  for (const auto& [name, value] : attributes) {
    if (std::ranges::find(offered, name) == offered.end()) continue;
    std::string one = std::string(" ") + name + "=" + value;
    bool is_full = commands.empty() || commands.back().size() + one.size() > command_bytes_max;
    if (is_full) commands.emplace_back("XFORWARD");
    commands.back() += one;
  }
  return commands;
}

}  // namespace pennypost::smtp
