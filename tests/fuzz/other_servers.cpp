// Any bytes as the files of Postfix and Dovecot: no crash, and whatever is written is free of
// control characters.
#include <array>
#include <string>
#include <string_view>

#include "common/base/assert.h"
#include "common/base/text.h"
#include "smtpd/migration/dovecot.h"
#include "smtpd/migration/postfix.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

constexpr std::array files{std::string_view("/main.cf"), std::string_view("/master.cf"),
                           std::string_view("/dovecot.conf"), std::string_view("/virtual"),
                           std::string_view("/passwd")};

}  // namespace

/// The input has one file after another, separated by form feeds.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  auto parts = split(input, '\f');
  auto read = [&](const std::string& path) -> Result<std::optional<std::string>> {
    for (std::size_t i = 0; i < files.size() && i < parts.size(); ++i) {
      if (files[i] == path) return std::optional<std::string>(parts[i]);
    }
    return std::optional<std::string>();
  };
  auto list = [](const std::string&) { return std::vector<std::string>(); };
  Migration made("/etc/pennypost");
  if (!read_postfix("/main.cf", read, made)) return 0;
  (void)read_dovecot("/dovecot.conf", {read, list}, made);
  auto toml = made.main_toml();
  ASSERT(toml.find('\0') == toml.npos && toml.find('\r') == toml.npos);
  for (const auto& [name, table] : made.tables()) {
    ASSERT(!name.empty() && name.find('/') == name.npos);
  }
  for (const auto& one : made.unmatched()) ASSERT(!one.reason.empty());
  return 0;
}
