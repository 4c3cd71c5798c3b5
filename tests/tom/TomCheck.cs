// Reads folders of TMDL with Microsoft's Tabular Object Model, validates each, and prints what is in it, tab-separated.
// Each line of standard input names a folder and, after a tab, one to write the model to, as the service would (or nothing).
using System;
using System.Text;
using Microsoft.AnalysisServices.Tabular;

static class TomCheck
{
    static void Main()
    {
        Console.OutputEncoding = new UTF8Encoding(false);
        Console.InputEncoding = new UTF8Encoding(false);
        string line;
        while ((line = Console.ReadLine()) != null)
        {
            string[] folders = line.Split('\t');
            try { Check(folders[0], folders[1]); }
            catch (Exception exception) { Print("error", exception.Message); }
            Print("end");
            Console.Out.Flush();
        }
    }

    static void Check(string folder, string rewritten)
    {
        Database database = TmdlSerializer.DeserializeDatabaseFromFolder(folder);
        foreach (var error in database.Model.Validate().Errors) Print("error", error.Message);
        foreach (Table table in database.Model.Tables) Describe(table);
        foreach (Relationship relationship in database.Model.Relationships) Describe((SingleColumnRelationship)relationship);
        foreach (ModelRole role in database.Model.Roles)
            foreach (TablePermission permission in role.TablePermissions) Print("role", role.Name, permission.Table.Name, permission.FilterExpression);
        foreach (Perspective perspective in database.Model.Perspectives)
            foreach (PerspectiveTable table in perspective.PerspectiveTables) Print("perspective", perspective.Name, table.Table.Name);
        foreach (Culture culture in database.Model.Cultures)
            foreach (ObjectTranslation translation in culture.ObjectTranslations) Print("translation", culture.Name, translation.Value);
        foreach (NamedExpression expression in database.Model.Expressions) Print("expression", expression.Name);
        if (rewritten != "") TmdlSerializer.SerializeDatabaseToFolder(database, rewritten);
    }

    static void Describe(Table table)
    {
        Print("table", table.Name);
        foreach (Column column in table.Columns)
        {
            if (table.DataCategory != null && column.IsKey) Print("datetable", table.Name, table.DataCategory, column.Name);
            Print("column", table.Name, column.Name, column.DataType, column is DataColumn ? ((DataColumn)column).SourceColumn : "");
        }
        foreach (Measure measure in table.Measures) Print("measure", table.Name, measure.Name);
        foreach (Hierarchy hierarchy in table.Hierarchies) Print("hierarchy", table.Name, hierarchy.Name, hierarchy.Levels.Count);
        if (table.CalculationGroup != null)
            foreach (CalculationItem item in table.CalculationGroup.CalculationItems) Print("calculation", table.Name, item.Name);
        foreach (Partition partition in table.Partitions)
        {
            var entity = partition.Source as EntityPartitionSource;
            if (entity == null) Print("partition", table.Name, partition.Mode, partition.SourceType);
            else Print("partition", table.Name, partition.Mode, entity.SchemaName, entity.EntityName, entity.ExpressionSource.Name);
        }
    }

    static void Describe(SingleColumnRelationship one)
    {
        Print("relationship", one.FromTable.Name, one.FromColumn.Name, one.FromCardinality,
            one.ToTable.Name, one.ToColumn.Name, one.ToCardinality, one.IsActive, one.CrossFilteringBehavior);
    }

    static void Print(params object[] fields)
    {
        Console.WriteLine(string.Join("\t", Array.ConvertAll(fields, field => ("" + field).Replace("\r", " ").Replace("\n", " "))));
    }
}
