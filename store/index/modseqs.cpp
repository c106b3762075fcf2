#include "store/index/modseqs.h"

#include <algorithm>
#include <utility>

namespace pennypost::store {

ModSeqs::ModSeqs(Index* index, const Clock& clock)
    : index_(index),
      clock_(clock),
      highest_(static_cast<std::uint64_t>(clock.now_seconds()) << 20) {}

void ModSeqs::name_folder(std::string identity, std::uint32_t uid_validity) {
  folder_.identity = std::move(identity);
  folder_.uid_validity = uid_validity;
}

bool ModSeqs::note_annotations(const FileStamp& file) {
  if (annotations_ == file) return false;
  bool is_first = !std::exchange(annotations_, file);
  auto before = highest_;
  if (index_ != nullptr) {
    highest_ = index_->note_annotations(folder_, file, highest_);
  } else if (!is_first) {
    count_on();
  }
  return highest_ != before;
}

void ModSeqs::count_on() {
  if (index_ != nullptr) {
    highest_ = index_->count_on(folder_, highest_);
  } else {
    highest_ = ModSeq(std::max(highest_.value() + 1, least_now()));
  }
}

std::uint64_t ModSeqs::least_now() const {
  return static_cast<std::uint64_t>(clock_.now_seconds()) << 20;
}

bool ModSeqs::resume(ModSeq highest) {
  if (index_ == nullptr || index_->highest_modseq(folder_) != highest) return false;
  highest_ = highest;
  return true;
}

std::optional<std::vector<Uid>> ModSeqs::expunged_since(ModSeq since) const {
  if (index_ == nullptr) return std::nullopt;
  return index_->expunged_since(folder_, since);
}

void ModSeqs::load(std::vector<Message>& messages) {
  if (index_ == nullptr) {
    for (auto& message : messages) message.modseq = highest_;
    return;
  }
  auto kept = index_->highest_modseq(folder_);
  // Kept from the start, so that it is the same at the next look, even without messages.
  highest_ = kept.value() > 0 ? kept : index_->count_on(folder_, highest_);
  std::vector<Uid> changed;
  std::vector<Uid> gone;
  auto states = index_->states(folder_);
  auto state = states.begin();
  for (auto& message : messages) {
    for (; state != states.end() && state->uid < message.uid; ++state) gone.push_back(state->uid);
    bool known = state != states.end() && state->uid == message.uid;
    if (known && state->flags == message.flags && state->keywords == key_of(message.keywords)) {
      message.modseq = state->modseq;
    } else {
      changed.push_back(message.uid);
    }
    if (known) ++state;
  }
  for (; state != states.end(); ++state) gone.push_back(state->uid);
  settle(messages, changed, gone);
}

std::vector<Uid> ModSeqs::take_over(std::vector<Message>& messages) {
  std::vector<Uid> taken;
  if (index_ == nullptr || index_->highest_modseq(folder_) == highest_) return taken;
  auto states = index_->states(folder_);
  auto state = states.begin();
  for (auto& message : messages) {
    while (state != states.end() && state->uid < message.uid) ++state;
    if (state == states.end()) break;
    bool is_known = message.modseq.value() > 0 && state->uid == message.uid;
    bool is_same =
        is_known && state->flags == message.flags && state->keywords == key_of(message.keywords);
    if (!is_same || state->modseq <= message.modseq) continue;
    message.modseq = state->modseq;
    highest_ = std::max(highest_, state->modseq);
    taken.push_back(message.uid);
  }
  return taken;
}

void ModSeqs::settle(std::vector<Message>& messages, std::span<const Uid> changed,
                     std::span<const Uid> gone) {
  if (changed.empty() && gone.empty()) return;
  auto at = messages.begin();
  auto next = [&](Uid uid) -> Message* {
    at = std::lower_bound(at, messages.end(), uid,
                          [](const Message& message, Uid wanted) { return message.uid < wanted; });
    return at != messages.end() && at->uid == uid ? &*at : nullptr;
  };
  if (index_ == nullptr) {
    count_on();
    for (auto uid : changed) {
      if (auto* message = next(uid)) message->modseq = highest_;
    }
    return;
  }
  std::vector<Index::State> states;
  for (auto uid : changed) {
    if (const auto* message = next(uid)) {
      states.push_back(Index::State{uid, message->flags, key_of(message->keywords), ModSeq(0)});
    }
  }
  highest_ = index_->settle(folder_, states, gone, highest_);
  at = messages.begin();
  for (const auto& state : states) next(state.uid)->modseq = state.modseq;
}

}  // namespace pennypost::store
