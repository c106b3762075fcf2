// The text of a main.toml, of an edit of it, or of a Config on its way to a child; no crash, and
// what is accepted means the same when written again.
//
// The first byte chooses; most of a Config's time goes into its defaults, so that the text alone
// can be tried much more often. For an edit the first line is the setting, the rest the file.
#include <algorithm>
#include <string>
#include <string_view>

#include "common/base/assert.h"
#include "common/config/config.h"
#include "common/config/edit.h"
#include "common/config/kinds.h"
#include "common/config/load.h"
#include "common/config/testing.h"

using namespace pennypost;

namespace {

const LoadOptions& options() {
  static const LoadOptions made = [] {
    LoadOptions options;
    options.system = System{"mail.example.com", false, {{"192.0.2.7", 24}}};
    return options;
  }();
  return made;
}

void check(std::string_view toml) {
  auto config = Config::parse(toml, options());
  if (!config) {
    ASSERT(!config.error().text().empty());
    return;
  }
  auto text = (*config)->to_text();
  auto again = Config::from_text(text);
  ASSERT(again && (*again)->to_text() == text);
}

void edit(std::string_view input) {
  auto line = input.substr(0, input.find('\n'));
  auto toml = input.substr(std::min(line.size() + 1, input.size()));
  for (auto kind : {SettingEdit::Set, SettingEdit::CommentOut, SettingEdit::Remove}) {
    auto change = SettingEdit::parse(kind, line);
    if (!change) continue;
    auto edited = edit_toml(toml, {*change}, options());
    if (!edited) continue;
    auto before = read_toml(toml, "main.toml");
    auto after = read_toml(*edited, "main.toml");
    ASSERT(after.is_toml && after.entries.size() + 1 >= before.entries.size());
  }
}

/// Lines of services behind those of a host.
void from_text(std::string_view lines) {
  static const std::string host = config_for_test()->to_text();
  (void)Config::from_text(lines).has_value();
  auto config = Config::from_text(host + std::string(lines));
  if (config) {
    auto text = (*config)->to_text();
    auto again = Config::from_text(text);
    ASSERT(again && (*again)->to_text() == text);
  }
}

void read_only(std::string_view toml) {
  auto file = read_toml(toml, "main.toml");
  if (!file.is_toml) ASSERT(!file.errors.empty());
  for (const auto& entry : file.entries) ASSERT(entry.key.line > 0 && entry.key.column > 0);
}

/// One setting's text, for each setting there is.
void value(std::string_view text) {
  Settings settings;
  for (std::size_t i = 0; i < parameters().size(); ++i) (void)assign(settings, i, text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size == 0) return 0;
  std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0]) {
    case 'e':
      edit(input);
      break;
    case 't':
      from_text(input);
      break;
    case 'r':
      read_only(input);
      break;
    case 'v':
      value(input);
      break;
    default:
      check(input);
  }
  return 0;
}
