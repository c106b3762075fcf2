#include "store/maildir/uidvalidity.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

#include "store/mailbox/file.h"

namespace pennypost::store {
namespace {

constexpr std::string_view file_name = "dovecot-uidvalidity";
constexpr std::size_t root_names_max = 1'000'000;
constexpr int attempts_max = 100;

std::optional<std::uint32_t> parse_hex(std::string_view text) {
  std::uint32_t value = 0;
  if (text.size() != 8) return {};
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (problem != std::errc{} || end != text.data() + text.size() || value == 0) return {};
  return value;
}

std::string numbered(const std::string& root, std::uint32_t number) {
  char digits[9];
  std::snprintf(digits, sizeof digits, "%08x", number);
  return root + "/" + std::string(file_name) + "." + digits;
}

// The greatest number in a file's name.
Result<std::optional<std::uint32_t>> scan(const std::string& root) {
  std::optional<std::uint32_t> greatest;
  TRY_DO(list_directory(root, root_names_max, [&](std::string_view name, unsigned char) {
    if (!name.starts_with(file_name) || name.size() != file_name.size() + 9) return;
    auto number = parse_hex(name.substr(file_name.size() + 1));
    if (number) greatest = std::max(greatest.value_or(0), *number);
  }));
  return greatest;
}

// Writes a hint that saves others the scan; losing it does no harm.
void write_hint(const std::string& root, std::uint32_t number) {
  auto path = root + "/" + std::string(file_name);
  auto file = open_file(path, O_WRONLY | O_CREAT, 0644);
  char digits[9];
  std::snprintf(digits, sizeof digits, "%08x", number);
  if (file) (void)!::pwrite(file->number(), digits, 8, 0);
}

}  // namespace

Result<std::uint32_t> next_uid_validity(const std::string& root, const Clock& clock) {
  for (int attempt = 0; attempt < attempts_max; ++attempt) {
    TRY(auto last, scan(root));
    if (!last) {
      auto first = static_cast<std::uint32_t>(clock.now_seconds());
      auto path = numbered(root, first);
      Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444));
      if (!file && errno != EEXIST) return file_error("create", path);
      if (!file) continue;
      write_hint(root, first);
      return first;
    }
    auto next = *last + 1;
    if (::rename(numbered(root, *last).c_str(), numbered(root, next).c_str()) == 0) {
      write_hint(root, next);
      return next;
    }
    if (errno != ENOENT) return file_error("rename", numbered(root, *last));
  }
  return Error(451, ResponseCode::InUse,
               "others change " + root + "/" + std::string(file_name) + " all the time");
}

}  // namespace pennypost::store
