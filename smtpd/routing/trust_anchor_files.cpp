#include "smtpd/routing/trust_anchor_files.h"

#include <vector>

#include "common/base/file.h"
#include "common/base/text.h"

namespace pennypost::smtp {
namespace {

constexpr std::string_view attribute = "tafile=";

std::vector<std::string> files_of(std::string_view tls_policy, const Settings& settings) {
  std::vector<std::string> files;
  for (auto part : words(tls_policy)) {
    if (part.starts_with(attribute)) files.emplace_back(part.substr(attribute.size()));
  }
  return files.empty() ? settings.smtp_tls_trust_anchor_file : files;
}

Result<void> append(const std::string& path, std::string& text) {
  auto read = read_file(path, trust_anchor_bytes_max);
  if (!read) return Error::temporary("4.7.5", "trust anchors: " + read.error().text());
  if (!*read) return Error::temporary("4.7.5", "trust anchors: there is no file " + path);
  text += **read + "\n";
  if (text.size() <= trust_anchor_bytes_max) return {};
  return Error::temporary("4.7.5", "trust anchors: with " + path + " they are more than " +
                                       std::to_string(trust_anchor_bytes_max) + " bytes");
}

}  // namespace

Result<std::string> read_trust_anchors(std::string_view tls_policy, const Settings& settings) {
  std::string text;
  for (const auto& path : files_of(tls_policy, settings)) {
    TRY_DO(append(path, text));
  }
  return text;
}

}  // namespace pennypost::smtp
