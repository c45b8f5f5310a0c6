document.querySelectorAll("table.sortable").forEach(function (table) {
  var heads = Array.from(table.tHead.rows[0].cells), body = table.tBodies[table.tBodies.length - 1];
  heads.forEach(function (head, column) {
    head.addEventListener("click", function () {
      var now = head.getAttribute("aria-sort"), first = head.dataset.better === "higher" ? "descending" : "ascending";
      var order = now === "none" ? first : now === "ascending" ? "descending" : "ascending";
      var sign = order === "ascending" ? 1 : -1;
      heads.forEach(function (other) { other.setAttribute("aria-sort", "none"); });
      head.setAttribute("aria-sort", order);
      Array.from(body.rows).sort(function (a, b) {
        if (!column) return sign * a.cells[0].textContent.localeCompare(b.cells[0].textContent);
        var x = a.cells[column].dataset.value, y = b.cells[column].dataset.value;
        if (x === undefined || y === undefined) return (x === undefined) - (y === undefined);
        return sign * (x - y);
      }).forEach(function (row) { body.appendChild(row); });
    });
  });
});
