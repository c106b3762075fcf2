#include "store/maildir/filename.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <utility>

#include "common/base/text.h"

namespace pennypost::store {
namespace {

constexpr std::string_view info_mark = ":2,";

constexpr std::array<std::pair<char, Flags::Bit>, 5> flag_letters{{
    {'D', Flags::Draft},
    {'F', Flags::Flagged},
    {'R', Flags::Answered},
    {'S', Flags::Seen},
    {'T', Flags::Deleted},
}};

bool is_keyword_letter(char c) { return c >= 'a' && c <= 'z'; }

bool is_flag_letter(char c) {
  return std::ranges::any_of(flag_letters, [c](const auto& entry) { return entry.first == c; });
}

std::string_view info_of(std::string_view filename) {
  auto at = filename.rfind(info_mark);
  return at == std::string_view::npos ? "" : filename.substr(at + info_mark.size());
}

}  // namespace

bool is_message_name(std::string_view filename) {
  return !filename.empty() && filename.front() != '.' && filename.front() != ':' &&
         filename.find('\r') == std::string_view::npos &&
         filename.find('\n') == std::string_view::npos;
}

std::string_view base_of(std::string_view filename) {
  return filename.substr(0, filename.find(':'));
}

std::optional<std::uint64_t> size_in_name(std::string_view base, char letter) {
  const std::array<char, 3> mark{',', letter, '='};
  auto at = base.find(std::string_view(mark.data(), mark.size()));
  if (at == std::string_view::npos) return {};
  auto value = base.substr(at + mark.size());
  return parse_number(value.substr(0, value.find_first_of(",:")));
}

SizesInName SizesInName::of(std::string_view base) {
  return {size_in_name(base, 'S'), size_in_name(base, 'W')};
}

bool SizesInName::are_of(std::uint64_t stored) const {
  bool is_possible = !octets || (*octets >= stored && *octets / 2 <= stored);
  return bytes == stored && is_possible;
}

FilenameFlags FilenameFlags::parse(std::string_view filename) {
  FilenameFlags parsed;
  for (char c : info_of(filename)) {
    if (c == ',') break;
    for (auto [letter, flag] : flag_letters) {
      if (c == letter) parsed.flags = parsed.flags | flag;
    }
    if (is_keyword_letter(c)) parsed.keywords |= KeywordSet{1} << (c - 'a');
  }
  return parsed;
}

std::string FilenameFlags::apply(std::string_view old_name) const {
  auto old_info = info_of(old_name);
  std::string letters;
  for (char c : old_info.substr(0, old_info.find(','))) {
    if (!is_flag_letter(c) && !is_keyword_letter(c)) letters += c;
  }
  std::string name(base_of(old_name));
  if (letters.empty()) {
    append_info(name, flags, keywords);
    return name;
  }
  for (auto [letter, flag] : flag_letters) {
    if (flags.has(flag)) letters += letter;
  }
  for (char c = 'a'; c <= 'z'; ++c) {
    if ((keywords >> (c - 'a') & 1) != 0) letters += c;
  }
  std::ranges::sort(letters);
  letters.erase(std::unique(letters.begin(), letters.end()), letters.end());
  return name.append(info_mark).append(letters);
}

void append_info(std::string& out, Flags flags, KeywordSet keywords) {
  out += info_mark;
  for (auto [letter, flag] : flag_letters) {
    if (flags.has(flag)) out += letter;
  }
  for (char c = 'a'; c <= 'z' && keywords >> (c - 'a') != 0; ++c) {
    if ((keywords >> (c - 'a') & 1) != 0) out += c;
  }
}

std::string unique_filename(std::int64_t now_us, std::string_view hostname) {
  static std::atomic<std::uint32_t> count{0};
  return std::to_string(now_us / 1'000'000) + ".M" + std::to_string(now_us % 1'000'000) + "P" +
         std::to_string(::getpid()) + "Q" + std::to_string(count.fetch_add(1) + 1) + "." +
         filename_host(hostname);
}

std::string filename_host(std::string_view hostname) {
  std::string host;
  for (char c : hostname) {
    if (c == '/') {
      host += "\\057";
    } else if (c == ':') {
      host += "\\072";
    } else if (c != ',' && !is_control(c)) {
      host += c;
    }
  }
  return host.empty() ? "localhost" : host;
}

std::uint64_t seconds_in_name(std::string_view filename) {
  auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  auto digits = std::ranges::find_if_not(filename, is_digit) - filename.begin();
  return parse_number(filename.substr(0, static_cast<std::size_t>(digits))).value_or(0);
}

}  // namespace pennypost::store
