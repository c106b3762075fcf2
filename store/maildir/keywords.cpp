#include "store/maildir/keywords.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/base/words.h"
#include "store/mailbox/keyword.h"

namespace pennypost::store {
namespace {

constexpr std::uint64_t file_bytes_max = 1 << 20;

DotlockRule keywords_rule(int brief_ms) {
  DotlockRule rule;
  rule.brief_ms = brief_ms;
  rule.attempts = 100;
  rule.delay_ms = 100;
  rule.stale_seconds = 120;
  return rule;
}

}  // namespace

std::vector<std::string> parse_keywords(std::string_view text) {
  std::vector<std::string> names;
  for (auto line : split(text, '\n')) {
    auto space = line.find(' ');
    if (space == std::string_view::npos) continue;
    auto number = parse_number(line.substr(0, space));
    auto name = line.substr(space + 1);
    if (!number || *number >= keywords_per_mailbox_max || !is_keyword(name)) continue;
    if (names.size() <= *number) names.resize(*number + 1);
    names[*number] = name;
  }
  return names;
}

Result<bool> KeywordFile::refresh() {
  auto stamp = FileStamp::of(path_);
  if (stamp == stamp_) return false;
  TRY(auto text, read_file(path_, file_bytes_max));
  auto names = parse_keywords(text.value_or(""));
  bool changed = names != names_;
  names_ = std::move(names);
  stamp_ = stamp;
  return changed;
}

KeywordSet KeywordFile::known(const std::vector<std::string>& names) const {
  KeywordSet set = 0;
  for (std::size_t i = 0; i < names_.size(); ++i) {
    if (names_[i].empty()) continue;
    if (holds(names, names_[i])) set |= KeywordSet{1} << i;
  }
  return set;
}

bool KeywordFile::all_known(const std::vector<std::string>& names) const {
  return std::ranges::all_of(names, [this](const std::string& name) { return known({name}) != 0; });
}

Result<KeywordSet> KeywordFile::add(const std::vector<std::string>& names, const Dotlock&,
                                    NoRoom no_room) {
  TRY(auto lock, Dotlock::take(path_, keywords_rule(brief_lock_ms_)));
  TRY_DO(refresh());
  auto all = names_;
  for (const auto& name : names) {
    if (holds(all, name)) continue;
    auto unused = std::ranges::find(all, std::string());
    if (unused != all.end()) {
      *unused = name;
    } else if (all.size() < keywords_per_mailbox_max) {
      all.push_back(name);
    } else if (no_room == NoRoom::Refuse) {
      return Error(
          550, ResponseCode::Limit,
          "A mailbox has room for " + std::to_string(keywords_per_mailbox_max) + " keywords");
    }
  }
  if (all != names_) {
    std::string text;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (!all[i].empty()) text += std::to_string(i) + " " + all[i] + "\n";
    }
    TRY_DO(replace_file(path_, path_ + ".tmp", text));
    names_ = std::move(all);
    stamp_ = FileStamp::of(path_);
  }
  return known(names);
}

}  // namespace pennypost::store
