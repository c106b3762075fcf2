#include "imapd/admin/tar_writer.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>

#include "common/base/file.h"

namespace pennypost::imap {
namespace {

constexpr std::size_t block_bytes = 512;
constexpr std::size_t name_bytes = 100;
constexpr char type_file = '0';
constexpr char type_directory = '5';
constexpr char type_extended = 'x';

/// Octal digits that fill a field but for its last octet, a NUL.
void put_octal(char* field, std::size_t width, std::uint64_t number) {
  for (std::size_t i = width - 1; i-- > 0;) {
    field[i] = static_cast<char>('0' + (number & 7));
    number >>= 3;
  }
}

struct Place {
  std::size_t at;
  std::size_t width;
};
constexpr Place mode_place{100, 8};
constexpr Place size_place{124, 12};
constexpr Place time_place{136, 12};
constexpr Place sum_place{148, 8};
constexpr std::size_t type_at = 156;
constexpr std::size_t magic_at = 257;

std::array<char, block_bytes> header_block(std::string_view name, char type, std::uint64_t size,
                                           std::int64_t modified, unsigned mode) {
  std::array<char, block_bytes> block{};
  std::memcpy(block.data(), name.data(), std::min(name.size(), name_bytes));
  put_octal(&block[mode_place.at], mode_place.width, mode);
  put_octal(&block[size_place.at], size_place.width, size);
  put_octal(&block[time_place.at], time_place.width,
            static_cast<std::uint64_t>(std::max<std::int64_t>(modified, 0)));
  block[type_at] = type;
  std::memcpy(&block[magic_at],
              "ustar\0"
              "00",
              8);
  // The sum is made with blanks in its own place.
  std::fill_n(&block[sum_place.at], sum_place.width, ' ');
  unsigned sum = 0;
  for (char c : block) sum += static_cast<unsigned char>(c);
  put_octal(&block[sum_place.at], sum_place.width - 1, sum);
  block[sum_place.at + sum_place.width - 2] = '\0';
  return block;
}

/// `LENGTH path=NAME LF`; the length counts its own digits.
std::string path_record(const std::string& name) {
  const std::string rest = " path=" + name + "\n";
  std::size_t length = rest.size() + 1;
  while (std::to_string(length).size() + rest.size() != length) ++length;
  return std::to_string(length) + rest;
}

}  // namespace

Result<void> TarWriter::put(std::string_view bytes) {
  TRY_DO(write_all(descriptor_, bytes, path_));
  static constexpr std::array<char, block_bytes> zeros{};
  auto over = bytes.size() % block_bytes;
  if (over == 0) return {};
  return write_all(descriptor_, {zeros.data(), block_bytes - over}, path_);
}

Result<void> TarWriter::member(std::string name, char type, std::string_view content,
                               std::int64_t modified, unsigned mode) {
  if (name.size() > name_bytes) {
    auto record = path_record(name);
    auto extended = header_block("pax", type_extended, record.size(), modified, 0600);
    TRY_DO(put({extended.data(), extended.size()}));
    TRY_DO(put(record));
  }
  auto block = header_block(name, type, content.size(), modified, mode);
  TRY_DO(put({block.data(), block.size()}));
  return put(content);
}

Result<void> TarWriter::file(const std::string& name, std::string_view content,
                             std::int64_t modified) {
  return member(name, type_file, content, modified, 0600);
}

Result<void> TarWriter::directory(const std::string& name, std::int64_t modified) {
  return member(name + "/", type_directory, "", modified, 0700);
}

Result<void> TarWriter::finish() {
  const std::string end(2 * block_bytes, '\0');
  return put(end);
}

}  // namespace pennypost::imap
