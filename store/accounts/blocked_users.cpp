#include "store/accounts/blocked_users.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "common/base/text.h"
#include "store/accounts/accounts.h"
#include "store/accounts/kept_table.h"

namespace pennypost::store {
namespace {

constexpr std::string_view submission_word = "submission";
constexpr std::string_view logins_word = "logins";

/// Removes the first word of a text and returns it.
std::string_view take_word(std::string_view& text) {
  auto word = text.substr(0, text.find_first_of(" \t"));
  text = trim(text.substr(word.size()));
  return word;
}

}  // namespace

Block Block::parse(std::string_view value) {
  Block block;
  std::string_view rest = trim(value);
  auto word = take_word(rest);
  block.refuses_logins = word == logins_word;
  if (word != submission_word && word != logins_word) {
    block.reason = printable(trim(value), block_reason_bytes_max);
    return block;
  }
  std::string_view behind = rest;
  if (auto since = parse_number(take_word(behind))) {
    block.since = static_cast<std::int64_t>(*since);
    rest = behind;
  }
  block.reason = printable(rest, block_reason_bytes_max);
  return block;
}

std::string Block::text() const {
  std::string text(refuses_logins ? logins_word : submission_word);
  text += " " + std::to_string(since);
  if (!reason.empty()) text += " " + printable(reason, block_reason_bytes_max);
  return text;
}

Result<BlockedUsers> BlockedUsers::open(const Config& config, const MapOptions& options) {
  BlockedUsers users;
  if (config.blocked_users_map.empty()) return users;
  TRY(users.map_, Map::open(config.blocked_users_map, of_own_table(options)));
  return users;
}

Result<std::optional<Block>> BlockedUsers::find(std::string_view account) const {
  if (map_ == nullptr) return std::optional<Block>();
  TRY(auto value, map_->lookup(account));
  if (!value) return std::optional<Block>();
  return std::optional(Block::parse(*value));
}

Result<BlockList> BlockList::open(const Config& config) {
  const auto& table = config.blocked_users_map;
  if (table.type != "hash") {
    return Error::permanent("blocked_users_map must be a hash: table to be changed here, not " +
                            (table.empty() ? "empty" : table.text()));
  }
  BlockList list;
  list.file_ = table.name;
  return list;
}

Result<void> BlockList::block(const std::string& account, const Block& block) const {
  TRY(auto lock, lock_kept_table(file_));
  TRY(auto source, SourceText::read(file_));
  source.put(account, block.text());
  TRY_DO(write_source(file_, source.text()));
  return build_kept_table(lock, file_);
}

Result<void> BlockList::unblock(const std::string& account) const {
  TRY(auto lock, lock_kept_table(file_));
  TRY(auto source, SourceText::read(file_));
  if (!source.has(account)) return Error(550, account + " is not blocked");
  source.erase(account);
  TRY_DO(write_source(file_, source.text()));
  return build_kept_table(lock, file_);
}

Result<std::vector<BlockList::Entry>> BlockList::list() const {
  std::vector<Entry> found;
  if (::access(file_.c_str(), F_OK) != 0 && errno == ENOENT) return found;
  TRY(auto text, read_source(file_));
  TRY(auto entries, parse_source(text, SourceSyntax::Table, file_));
  for (auto& entry : entries) found.push_back({lower(entry.key), Block::parse(entry.value)});
  std::ranges::sort(found, {}, &Entry::account);
  return found;
}

}  // namespace pennypost::store
