// Any bytes as the files of Sendmail: no crash, and whatever is written is free of control
// characters.
#include <array>
#include <string>
#include <string_view>

#include "common/base/assert.h"
#include "common/base/text.h"
#include "smtpd/migration/sendmail.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

constexpr std::array files{std::string_view("sendmail.mc"),      std::string_view("access"),
                           std::string_view("mailertable"),      std::string_view("virtusertable"),
                           std::string_view("domaintable"),      std::string_view("genericstable"),
                           std::string_view("local-host-names"), std::string_view("relay-domains"),
                           std::string_view("aliases")};

}  // namespace

/// The input has one file after another, separated by form feeds.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  auto parts = split(input, '\f');
  auto read = [&](const std::string& name) -> Result<std::optional<std::string>> {
    for (std::size_t i = 0; i < files.size() && i < parts.size(); ++i) {
      if (files[i] == name) return std::optional<std::string>(parts[i]);
    }
    return std::optional<std::string>();
  };
  Migration made("/etc/pennypost");
  auto done = read_sendmail(read, made);
  if (!done) {
    ASSERT(done.error().text().starts_with("sendmail.mc:"));
    return 0;
  }
  auto toml = made.main_toml();
  ASSERT(toml.find('\0') == toml.npos && toml.find('\r') == toml.npos);
  for (const auto& [name, table] : made.tables()) {
    ASSERT(!name.empty() && name.find('/') == name.npos);
  }
  for (const auto& one : made.unmatched()) ASSERT(!one.reason.empty());
  return 0;
}
