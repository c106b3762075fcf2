#include "store/indexing/folder_indexer.h"

#include <algorithm>

namespace pennypost::store {
namespace {

// What it costs to open a file, in octets of text.
constexpr std::int64_t message_cost = 1024;
// A commit takes about as long as so much text.
constexpr std::int64_t commit_cost = 1 << 20;

}  // namespace

WordFolder word_folder(const Mailbox& mailbox) {
  return word_folder(mailbox.name(), mailbox.id(), mailbox.uid_validity());
}

WordFolder word_folder(const MailboxName& name, std::string id, std::uint32_t uid_validity) {
  // No id has a `=`.
  if (id.empty()) id = '=' + name.text();
  return {std::move(id), uid_validity};
}

Result<void> FolderIndexer::begin() {
  std::vector<Uid> uids;
  uids.reserve(mailbox_.messages().size());
  for (const auto& message : mailbox_.messages()) uids.push_back(message.uid);
  TRY(missing_, writer_.begin(word_folder(mailbox_), uids));
  dropped_ = writer_.dropped();
  has_begun_ = true;
  return {};
}

// False if the message can't be read: it stays out of the index.
bool FolderIndexer::begin_message() {
  auto reader = mailbox_.open(missing_[next_]);
  if (!reader) return false;
  is_cut_ = reader->stored_bytes() > octets_max_;
  auto text = is_cut_ ? reader->read(0, octets_max_) : reader->all();
  if (!text) return false;
  words_ = std::make_unique<MessageWords>(terms_, *std::move(text), octets_max_, decoder_);
  return true;
}

Result<bool> FolderIndexer::run(std::uint64_t octets) {
  if (!has_begun_) {
    TRY_DO(begin());
  }
  auto left = static_cast<std::int64_t>(octets);
  while (left > 0 && next_ < missing_.size()) {
    if (!words_) {
      left -= message_cost;
      if (!begin_message()) {
        ++next_;
        continue;
      }
    }
    left -= words_->advance(left);
    if (decoder_.is_given_up != nullptr && *decoder_.is_given_up) return true;
    if (!words_->is_done()) continue;
    TRY_DO(writer_.add(missing_[next_], terms_, is_cut_ || words_->is_cut()));
    words_.reset();
    ++next_;
    ++added_;
    if (!writer_.is_full()) continue;
    TRY_DO(writer_.commit());
    left -= commit_cost;
  }
  if (next_ < missing_.size()) return true;
  TRY_DO(writer_.commit());
  return false;
}

}  // namespace pennypost::store
