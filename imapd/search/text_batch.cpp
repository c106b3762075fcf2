#include "imapd/search/text_batch.h"

#include <algorithm>

namespace pennypost::imap {
namespace {

bool is_large(const Subject& subject) {
  return subject.reader && subject.reader->stored_bytes() > TextBatch::large_octets;
}

bool is_unread(const Subject& subject) {
  return subject.answer == Truth::Unknown && !subject.failure && !subject.text.is_done();
}

}  // namespace

void TextBatch::begin_step(std::uint64_t octets) {
  budget_ = static_cast<std::int64_t>(octets);
  next_ = 0;
  has_taken_ = is_over_ = false;
}

std::size_t TextBatch::unread() const {
  auto counts = [](const auto& subject) { return is_unread(*subject); };
  return static_cast<std::size_t>(std::ranges::count_if(subjects_, counts));
}

std::size_t TextBatch::under_way() const {
  auto counts = [](const auto& subject) { return subject->text.is_under_way(); };
  return static_cast<std::size_t>(std::ranges::count_if(subjects_, counts));
}

void TextBatch::read() {
  std::unique_lock lock(mutex_);
  while (auto* subject = take()) {
    if (!open(*subject, lock)) continue;
    if (is_large(*subject) && subject != subjects_.front().get()) {
      // It will be the first in some later step.
      subject->reader.reset();
      is_over_ = true;
      return;
    }
    do {
      lock.unlock();
      auto octets = subject->text.advance(subject->reader, *keys_.texts, *keys_.asked);
      lock.lock();
      spend(octets);
    } while (!subject->text.is_done() && !is_spent());
  }
}

// The next message for a thread; null if there is nothing for it to do in this step.
Subject* TextBatch::take() {
  while (next_ < subjects_.size() && !is_over_ && !(is_spent() && has_taken_)) {
    auto& subject = *subjects_[next_++];
    if (!is_unread(subject)) continue;
    has_taken_ = true;
    return &subject;
  }
  return nullptr;
}

// Without the lock, if the mailbox can open it so. False if it can't be read.
bool TextBatch::open(Subject& subject, std::unique_lock<std::mutex>& lock) {
  if (subject.reader || subject.text.scan() != nullptr) return true;
  lock.unlock();
  subject.reader = mailbox_.open_now(subject.message.uid);
  lock.lock();
  if (subject.reader) return true;
  auto opened = mailbox_.open(subject.message.uid);
  if (opened) {
    subject.reader.emplace(*std::move(opened));
  } else {
    is_over_ = is_over_ || (waits_ && store::is_in_use(opened.error()));
    subject.failure = opened.error();
  }
  return subject.reader.has_value();
}

}  // namespace pennypost::imap
