#include "imapd/order/sorter.h"

#include <algorithm>
#include <optional>

#include "common/mail/address_list.h"
#include "common/mail/encoded.h"
#include "common/mail/header.h"
#include "imapd/order/base_subject.h"
#include "imapd/order/sent_date.h"
#include "imapd/session/kept_fields.h"

namespace pennypost::imap {
namespace {

using Key = SortCriterion::Key;

constexpr std::size_t first_run = 512;
// What reading a message costs besides its header.
constexpr std::uint64_t message_cost = 64;

bool is_text(Key key) {
  return key != Key::Arrival && key != Key::Date && key != Key::Relevancy && key != Key::Size;
}

std::string_view field_of(Key key) {
  switch (key) {
    case Key::Cc:
      return "Cc";
    case Key::DisplayFrom:
    case Key::From:
      return "From";
    case Key::DisplayTo:
    case Key::To:
      return "To";
    case Key::Subject:
      return "Subject";
    case Key::Arrival:
    case Key::Date:
    case Key::Relevancy:
    case Key::Size:
      break;
  }
  return "";
}

// RFC 5957 section 3.
std::string display_name(const ListedAddress& address) {
  auto name = decode_words(address.name.value_or(""));
  if (!name.empty() || !address.mailbox) return name;
  return *address.mailbox + (address.host ? '@' + *address.host : "");
}

std::string text_of(Key key, std::string_view header) {
  auto value = HeaderFields(header).value(field_of(key));
  if (!value) return "";
  if (key == Key::Subject) return base_subject(*value).text;
  auto addresses = parse_address_list(*value);
  if (addresses.empty()) return "";
  bool is_display = key == Key::DisplayFrom || key == Key::DisplayTo;
  return is_display ? display_name(addresses.front()) : addresses.front().mailbox.value_or("");
}

}  // namespace

// The message that is being read.
struct Sorter::Subject {
  std::uint32_t number;
  store::Uid uid;
  std::optional<std::string> header;
};

Sorter::Sorter(Selected& selected, std::vector<SortCriterion> criteria,
               std::vector<std::uint32_t> numbers, std::vector<std::uint8_t> scores)
    : selected_(selected),
      criteria_(std::move(criteria)),
      numbers_(std::move(numbers)),
      scores_(std::move(scores)) {
  values_.reserve(numbers_.size() * criteria_.size());
}

bool Sorter::run(std::size_t messages, std::uint64_t octets) {
  held_up_by_.reset();
  auto left = octets;
  for (; messages > 0 && left > 0 && read_ < numbers_.size(); --messages) {
    std::uint64_t cost = 0;
    auto number = numbers_[read_];
    if (read(number, cost)) numbers_[kept_++] = number;
    if (is_held_up()) return true;
    ++read_;
    left -= std::min(left, cost);
  }
  if (read_ < numbers_.size()) return true;
  numbers_.resize(kept_);
  read_ = kept_;
  return messages == 0 || left == 0 || sort_some(messages);
}

bool Sorter::read(std::uint32_t number, std::uint64_t& octets) {
  Subject subject{number, selected_.uid_of(number), std::nullopt};
  octets += message_cost;
  auto before = values_.size();
  auto texts_before = texts_.size();
  for (auto criterion : criteria_) {
    auto value = value_of(criterion.key, subject);
    if (!value) {
      note(value.error());
      values_.resize(before);
      texts_.resize(texts_before);
      return false;
    }
    values_.push_back(*value);
  }
  if (subject.header) octets += subject.header->size();
  return true;
}

void Sorter::note(const Error& error) {
  if (store::is_in_use(error)) {
    held_up_by_ = error;
  } else if (!failure_ && !store::is_expunged(error)) {
    failure_ = error;
  }
}

Result<std::int64_t> Sorter::value_of(Key key, Subject& subject) {
  auto& mailbox = selected_.mailbox();
  if (key == Key::Arrival) return mailbox.internal_date(subject.uid);
  if (key == Key::Relevancy) {
    // The best first (RFC 6203 section 6).
    auto number = subject.number;
    return -static_cast<std::int64_t>(number < scores_.size() ? scores_[number] : 0);
  }
  if (key == Key::Size) {
    TRY(auto octets, mailbox.octets(subject.uid));
    return static_cast<std::int64_t>(octets);
  }
  if (!subject.header) {
    TRY(subject.header, kept_fields(mailbox, subject.uid));
  }
  if (key == Key::Date) return sent_date(mailbox, subject.uid, *subject.header);
  return keep_text(collation_key(text_of(key, *subject.header)));
}

std::int64_t Sorter::keep_text(std::string_view utf8) {
  auto text = utf8.substr(0, sort_text_octets_max);
  auto at = texts_.size();
  texts_ += static_cast<char>(text.size());
  texts_ += text;
  return static_cast<std::int64_t>(at);
}

std::string_view Sorter::text_at(std::int64_t value) const {
  auto at = static_cast<std::size_t>(value);
  return std::string_view(texts_).substr(at + 1, static_cast<unsigned char>(texts_[at]));
}

bool Sorter::comes_before(std::uint32_t a, std::uint32_t b) const {
  const auto* left = &values_[a * criteria_.size()];
  const auto* right = &values_[b * criteria_.size()];
  for (std::size_t i = 0; i < criteria_.size(); ++i) {
    int order = 0;
    if (is_text(criteria_[i].key)) {
      order = text_at(left[i]).compare(text_at(right[i]));
    } else if (left[i] != right[i]) {
      order = left[i] < right[i] ? -1 : 1;
    }
    if (order != 0) return (order < 0) != criteria_[i].is_reverse;
  }
  // RFC 5256 section 3: in the order of the mailbox, also where a criterion is reversed.
  return numbers_[a] < numbers_[b];
}

// A merge sort from the bottom up, so that it can stop anywhere.
bool Sorter::sort_some(std::size_t messages) {
  auto before = [this](std::uint32_t a, std::uint32_t b) { return comes_before(a, b); };
  if (order_.empty()) {
    order_.resize(numbers_.size());
    for (std::uint32_t i = 0; i < order_.size(); ++i) order_[i] = i;
    merged_.resize(order_.size());
  }
  auto begin = order_.begin();
  auto place = [&](std::size_t i) {
    return begin + static_cast<std::ptrdiff_t>(std::min(i, order_.size()));
  };
  while (run_length_ < order_.size()) {
    auto length = run_length_ == 0 ? first_run : 2 * run_length_;
    for (std::size_t done = 0; at_ < order_.size(); at_ += length, done += length) {
      if (done >= messages) return true;
      if (run_length_ == 0) {
        std::sort(place(at_), place(at_ + length), before);
        continue;
      }
      std::merge(place(at_), place(at_ + run_length_), place(at_ + run_length_),
                 place(at_ + length), merged_.begin() + static_cast<std::ptrdiff_t>(at_), before);
    }
    if (run_length_ != 0) order_.swap(merged_);
    run_length_ = length;
    at_ = 0;
    return run_length_ < order_.size();
  }
  return false;
}

std::vector<std::uint32_t> Sorter::take() {
  std::vector<std::uint32_t> sorted;
  sorted.reserve(order_.size());
  for (auto place : order_) sorted.push_back(numbers_[place]);
  return sorted;
}

std::optional<std::uint32_t> Sorter::place_of(std::uint32_t number) {
  auto known = compared_.find(number);
  if (known != compared_.end()) return known->second;
  std::uint64_t octets = 0;
  if (!read(number, octets)) return std::nullopt;
  auto place = static_cast<std::uint32_t>(numbers_.size());
  numbers_.push_back(number);
  compared_.emplace(number, place);
  return place;
}

std::optional<std::vector<std::uint32_t>> Sorter::put_into(std::vector<std::uint32_t> ordered) {
  held_up_by_.reset();
  auto at = [&](std::size_t i) { return ordered.begin() + static_cast<std::ptrdiff_t>(i); };
  std::size_t low = 0;
  for (auto place : order_) {
    auto high = ordered.size();
    while (low < high) {
      auto middle = low + (high - low) / 2;
      auto other = place_of(ordered[middle]);
      if (is_held_up()) return std::nullopt;
      if (!other) {
        ordered.erase(at(middle));
        --high;
      } else if (comes_before(place, *other)) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    ordered.insert(at(low++), numbers_[place]);
  }
  return ordered;
}

}  // namespace pennypost::imap
