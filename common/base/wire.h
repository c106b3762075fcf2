// Encodes and decodes the messages that our processes send each other.
//
// Numbers are little-endian of fixed width; a text is a u32 length and its bytes. Both ends are the
// same executable, so there is no version; a message that does not parse comes from a bug or an
// intruder, and is an Error.
//
//   struct Ask {                                    // every message is a struct of this form
//     std::string login;
//     std::uint32_t tries = 0;
//     template <class Archive> void fields(Archive& archive) { archive(login, tries); }
//   };
//   std::string bytes = wire::encode(ask);
//   Result<Ask> back = wire::decode<Ask>(bytes);
//
// Fields may be integers, bool, enums, std::string, std::optional, std::vector, Strong and structs
// of the same form. Each enum has a function `wire_last(E)` that returns its greatest value (the
// least is 0, and there are no gaps). A greater number does not parse, so readers of a message need
// not check for it.
//
// LIMITS  a list has at most 1,000,000 entries
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "common/base/result.h"
#include "common/base/strong.h"

namespace pennypost::wire {

inline constexpr std::uint32_t list_entries_max = 1'000'000;

class Writer {
 public:
  template <class... Fields>
  void operator()(const Fields&... fields) {
    (put(fields), ...);
  }
  std::string take() {
    flush();
    return std::move(bytes_);
  }

 private:
  template <class T>
  void put(const T& value) {
    if constexpr (std::is_integral_v<T> || std::is_enum_v<T>) {
      static_assert(std::is_trivially_copyable_v<T>);
      raw(&value, sizeof value);
    } else {
      const_cast<T&>(value).fields(*this);
    }
  }
  void put(const std::string& text) {
    put(static_cast<std::uint32_t>(text.size()));
    raw(text.data(), text.size());
  }
  template <class T>
  void put(const std::optional<T>& value) {
    put(value.has_value());
    if (value) put(*value);
  }
  template <class T>
  void put(const std::vector<T>& list) {
    put(static_cast<std::uint32_t>(list.size()));
    for (const auto& entry : list) put(entry);
  }
  template <class Tag, class Rep>
  void put(const Strong<Tag, Rep>& strong) {
    put(strong.value());
  }
  // A message has dozens of small fields: they are gathered, so that the string grows a few times.
  void raw(const void* from, std::size_t size) {
    if (size > gathered_.size() - held_) flush();
    if (size > gathered_.size()) {
      bytes_.append(static_cast<const char*>(from), size);
    } else if (size > 0) {
      std::memcpy(gathered_.data() + held_, from, size);
      held_ += size;
    }
  }
  void flush() {
    bytes_.append(gathered_.data(), held_);
    held_ = 0;
  }
  std::string bytes_;
  std::array<char, 256> gathered_;  // the last `held_` octets; not set before they are
  std::size_t held_ = 0;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  template <class... Fields>
  void operator()(Fields&... fields) {
    (get(fields), ...);
  }
  /// True if everything was there, and nothing more.
  bool is_complete() const { return good_ && bytes_.empty(); }

 private:
  template <class T>
  void get(T& value) {
    if constexpr (std::is_same_v<T, bool>) {
      std::uint8_t byte = 0;
      raw(&byte, 1);
      value = byte != 0;
    } else if constexpr (std::is_enum_v<T>) {
      std::make_unsigned_t<std::underlying_type_t<T>> number = 0;
      raw(&number, sizeof number);
      if (number > static_cast<decltype(number)>(wire_last(T{}))) good_ = false;
      if (good_) value = static_cast<T>(number);
    } else if constexpr (std::is_integral_v<T>) {
      raw(&value, sizeof value);
    } else {
      value.fields(*this);
    }
  }
  void get(std::string& text) {
    std::uint32_t size = 0;
    get(size);
    if (size > bytes_.size()) good_ = false;
    if (!good_) return;
    text = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
  }
  template <class T>
  void get(std::optional<T>& value) {
    bool has_value = false;
    get(has_value);
    value.reset();
    if (has_value && good_) get(value.emplace());
  }
  template <class T>
  void get(std::vector<T>& list) {
    std::uint32_t size = 0;
    get(size);
    if (size > list_entries_max) good_ = false;
    list.clear();
    for (std::uint32_t i = 0; i < size && good_; ++i) get(list.emplace_back());
  }
  template <class Tag, class Rep>
  void get(Strong<Tag, Rep>& strong) {
    Rep value{};
    get(value);
    strong = Strong<Tag, Rep>(std::move(value));
  }
  void raw(void* into, std::size_t size) {
    if (size > bytes_.size()) good_ = false;
    if (!good_) return;
    std::memcpy(into, bytes_.data(), size);
    bytes_.remove_prefix(size);
  }
  std::string_view bytes_;
  bool good_ = true;
};

template <class Message>
std::string encode(const Message& message) {
  Writer writer;
  writer(message);
  return writer.take();
}

/// The message, or an Error if the bytes are not one.
template <class Message>
Result<Message> decode(std::string_view bytes) {
  Message message{};
  Reader reader(bytes);
  reader(message);
  if (!reader.is_complete())
    return Error::temporary("4.3.0", "malformed message between processes");
  return message;
}

}  // namespace pennypost::wire
