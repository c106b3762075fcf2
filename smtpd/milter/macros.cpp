#include "smtpd/milter/macros.h"

#include "common/base/text.h"
#include "smtpd/milter/protocol.h"

namespace pennypost::smtp {
namespace {

/// `{name}` is name.
std::string_view bare(std::string_view name) {
  bool is_braced = name.starts_with('{') && name.ends_with('}');
  return is_braced ? name.substr(1, name.size() - 2) : name;
}

/// As it is sent: a name of one letter alone, others in braces.
std::string braced(std::string_view name) {
  return name.size() == 1 ? std::string(name) : "{" + std::string(name) + "}";
}

}  // namespace

MilterMacros::MilterMacros(const Settings& settings)
    : names_{settings.milter_connect_macros,       settings.milter_helo_macros,
             settings.milter_mail_macros,          settings.milter_rcpt_macros,
             settings.milter_data_macros,          settings.milter_end_of_data_macros,
             settings.milter_end_of_header_macros, settings.milter_unknown_command_macros} {
  auto defaults = parse_macro_defaults(settings.milter_macro_defaults);
  if (defaults) defaults_ = *std::move(defaults);
}

void MilterMacros::choose(std::uint32_t stage, std::string names) {
  if (stage < static_cast<std::uint32_t>(MilterStage::Unknown)) names_[stage] = std::move(names);
}

std::string MilterMacros::data(MilterStage stage, const MilterMacroValues& values) const {
  std::string data;
  for (std::string_view name : words(names_[static_cast<std::size_t>(stage)])) {
    name = bare(name);
    if (name.empty()) continue;
    auto value = values(name);
    if (!value) {
      auto otherwise = defaults_.find(name);
      if (otherwise == defaults_.end()) continue;
      value = otherwise->second;
    }
    put_milter_text(data, braced(name));
    put_milter_text(data, *value);
  }
  return data;
}

}  // namespace pennypost::smtp
